import csv
import subprocess
import sys

import pytest
from scipy import stats

from lightning_cgan.cli.main import main
from lightning_cgan.runs.compare.table import half_width, rounded
from tests.runs.compare.conftest import rows, several


def test_half_the_width_is_that_of_the_t_interval():
    values = [11.52, 10.8, 9.6, 12.1]
    low, high = stats.t.interval(0.95, 3, loc=sum(values) / 4, scale=stats.sem(values))
    assert half_width(values) == pytest.approx((high - low) / 2)


@pytest.mark.parametrize(
    ("value", "scale", "said"),
    [
        (11.517, 0.98, "11.52"),
        (10.62, 2.37, "10.6"),
        (1234, 232, "1230"),
        (0.9971, 0.0996, "1.00"),
        (9.8765, 0, "9.877"),
    ],
)
def test_values_are_rounded_to_two_digits_of_their_uncertainty(value, scale, said):
    assert rounded(value, scale) == said


def test_seeds_of_one_configuration_make_one_row(a_run, compare):
    runs = [a_run(f"s{seed}", seed, fid=fid, accuracy=0.997) for seed, fid in enumerate((11.5, 10.8, 9.6))]
    out = compare(*runs)
    assert rows(out) == [
        ["run", "seeds", "fid ↓", "accuracy ↑"],
        ["---", "---:", "---:", "---:"],
        ["ProjectionGAN on Digits", "3", "10.6 ± 2.4", "0.997 ± 0"],
    ]
    assert "over training seeds" in out
    assert '"se"' not in out
    assert "5,000 generated against 500 real images" in out


def test_where_data_lies_and_what_is_drawn_make_no_other_row(a_run, compare):
    other = {"data.init_args.num_workers": 4, "trainer.devices": 2}
    assert len(rows(compare(a_run("a"), a_run("b", 1, config=other)))) == 3


def test_one_seed_has_no_interval_and_its_own_uncertainty_is_labelled(a_run, compare):
    out = compare(a_run("a", fid=11.517, accuracy=0.997, se=0.43))
    assert rows(out)[2] == ["ProjectionGAN on Digits", "1", "11.52 (one seed, se 0.43)", "1.00 (one seed, se 0.43)"]
    assert '"se" is the standard error of one run' in out
    assert "±" not in out
    assert rows(compare(a_run("a", fid=11.517, se=None)))[2][2] == "11.52 (one seed)"


def test_the_best_is_bold_only_where_its_interval_meets_no_other(a_run, compare):
    fewer = {"config": {"model.init_args.n_critic": 1}}
    clear = compare(*several(a_run, "a", (10.0, 10.1, 10.2)), *several(a_run, "b", (12.0, 12.1, 12.2), **fewer))
    assert [row[2] for row in rows(clear)[2:]] == ["**10.10 ± 0.25**", "12.10 ± 0.25"]
    assert "Bold: best" in clear
    close = compare(*several(a_run, "a", (10.0, 10.1, 10.2)), *several(a_run, "b", (10.3, 10.4, 10.5), **fewer))
    assert "**" not in close
    assert "Bold" not in close
    alone = compare(*several(a_run, "a", (10.0, 10.1, 10.2)), a_run("one", fid=50.0, **fewer))
    assert "**" not in alone
    lacking = several(a_run, "b", (12.0, 12.1), **fewer)
    some = compare(*several(a_run, "a", (10.0, 10.1, 10.2)), *lacking, a_run("b2", 2, fid=None, **fewer))
    assert "**" not in some  # what the third seed would have had is unknown


def test_which_way_is_better_is_known_of_each_score(a_run, compare):
    head = rows(
        compare(a_run("a", kid=1.0, gan_train=0.9, real_gan_train=0.9), "--scores=kid,gan_train,real_gan_train")
    )[0]
    assert head == ["run", "seeds", "kid ↓", "gan_train ↑", "real_gan_train"]


def test_the_csv_has_everything_unrounded(a_run, compare):
    fid, error = 11.517005355757192, 0.43123456
    compare(a_run("b", 1, fid=10.25, density=1.0), a_run("a", 0, fid=fid, density=0.5, se=error), "--csv=out/table.csv")
    with open("out/table.csv", newline="") as file:
        fids, densities = csv.DictReader(file)
    assert (fids["row"], fids["score"], fids["better"]) == ("ProjectionGAN on Digits", "fid", "lower")
    assert float(fids["mean"]) == (fid + 10.25) / 2
    assert float(fids["half_width"]) == half_width([fid, 10.25])
    assert float(fids["mean_standard_error"]) == pytest.approx((error + 0.3) / 2)
    assert (fids["training_seeds"], fids["runs"]) == ("0;1", "a;b")
    assert fids["values"] == f"{fid};10.25"
    assert densities["score"] == "density"


def test_the_table_goes_into_a_file_too(a_run, compare, tmp_path):
    out = compare(a_run("a"), "--markdown=table.md")
    assert (tmp_path / "table.md").read_text() == out


def test_a_score_that_a_seed_lacks_is_counted_and_explained(a_run, compare):
    runs = several(a_run, "a", (10.0, 11.0))
    runs.append(a_run("c", 2, fid=None, notes=["Generated images hold NaN."]))
    out = compare(*runs)
    assert rows(out)[2][2] == "10.5 ± 6.4 (2 of 3 seeds)"
    assert "c has no fid. Generated images hold NaN." in out
    assert rows(compare("c"))[2][2] == "none"


def test_other_entries_than_test_are_compared_when_asked(a_run, compare):
    a_run("a", split="test_last", fid=20.0)
    assert "20.00 (one seed" in compare(a_run("a", split="val", fid=5.0), "--split=test_last")


@pytest.mark.parametrize("words", [["--scores", "fid", "kid", "a"], ["a", "--scores", "fid,", "kid"]])
def test_scores_that_are_not_joined_by_commas_are_refused_with_the_option_to_write(a_run, refusal, words):
    a_run("a", fid=1.0, kid=2.0)
    assert "--scores takes names joined by commas" in (said := refusal(*words))
    assert said.endswith("Set --scores fid,kid.\n")


def test_differing_commits_and_second_looks_at_test_data_are_noted(a_run, compare):
    out = compare(a_run("a"), a_run("b", 1, card={"commit": "d" * 40, "scored": 3}))
    assert "different commits: cccccccccccc… (a) against dddddddddddd… (b)." in out
    assert "Scored on test data more than once: b (3 times)." in out


def test_a_run_is_not_overwritten_by_its_table(a_run, refusal, tmp_path):
    a_run("a")
    before = (tmp_path / "a" / "metrics.json").read_text()
    assert "does not replace a run's own files" in refusal("a", "--csv=a/metrics.json")
    assert (tmp_path / "a" / "metrics.json").read_text() == before


def test_a_table_that_cannot_be_written_is_printed_all_the_same(a_run, capsys):
    assert main(["compare", a_run("a"), "--csv=a/config.yaml/table.csv"]) == 2
    told = capsys.readouterr()
    assert "| ProjectionGAN on Digits |" in told.out
    assert "Name another" in told.err


def test_comparing_imports_neither_torch_nor_lightning():
    code = "import sys, lightning_cgan.runs.compare.compare; print(sorted({'torch', 'lightning'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_runs_of_this_suite_compare(tmp_path, compare):
    small = ["--config=experiments/cgan/ring.yaml", "--trainer.max_steps=2", "--trainer.val_check_interval=2"]
    small += [f"--data.init_args.{key}" for key in ("points=200", "validation_fakes=20", "test_fakes=40")]
    runs = [str(tmp_path / str(seed)) for seed in (0, 1)]
    for seed, folder in enumerate(runs):
        flags = [f"--trainer.default_root_dir={folder}", *small]
        assert main(["fit", f"--seed_everything={seed}", *flags]) == 0
        assert main(["test", *flags]) == 0
    (row,) = rows(compare(*runs, "--scores=frac_near_mode"))[2:]
    assert row[:2] == ["ConditionalGAN on Ring", "2"]
    assert "±" in row[2]
