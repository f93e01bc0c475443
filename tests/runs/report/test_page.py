import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from PIL import Image

from lightning_cgan.cli.main import main
from lightning_cgan.runs.report import write_report
from lightning_cgan.runs.report.folder import read_run
from lightning_cgan.runs.report.health import no_better_than_chance
from lightning_cgan.runs.report.pictures import FRAMES, LARGEST
from lightning_cgan.runs.report.tables import NOTHING, columns
from lightning_cgan.runs.score_info import SCORES, rank, score_info
from tests.conftest import REPOSITORY
from tests.runs.report.run_folders import card, entry, write_digits_run

VOID = {"meta", "img", "br", "line", "polyline", "polygon", "circle"}


class Page(HTMLParser):
    """Collects what a page refers to and says; fails where tags do not close in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.references, self.images, self.words = [], [], [], [], []
        self.feed(text.replace("<wbr>", ""))
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        self.references += [
            value for name, value in given.items() if name in ("src", "href", "srcset", "data", "action")
        ]
        self.images += [given] if tag == "img" else []
        assert not [name for name in given if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return write_digits_run(tmp_path_factory.mktemp("runs") / "digits")


@pytest.fixture(scope="module")
def page(digits):
    return Page(write_report(digits).read_text())


def test_the_page_refers_to_nothing_outside_itself_and_runs_nothing(digits, page):
    assert all(reference.startswith(("data:image/", "#")) for reference in page.references)
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & set(page.tags)
    text = (digits / "report.html").read_text()
    assert "@import" not in text
    assert re.findall(r"url\(", text) == []
    assert "default-src 'none'" in text


def test_the_report_of_a_digits_run_stays_under_two_megabytes(digits, page):
    assert (digits / "report.html").stat().st_size < 2_000_000


def test_every_link_within_the_page_has_its_place(digits, page):
    places = set(re.findall(r' id="(\w+)"', (digits / "report.html").read_text()))
    assert {reference[1:] for reference in page.references if reference.startswith("#")} <= places


def test_every_picture_says_what_it_shows_and_the_page_its_language(digits, page):
    assert all(image["alt"] for image in page.images)
    text = (digits / "report.html").read_text()
    assert '<html lang="en">' in text
    assert len(re.findall(r'<svg viewBox="[\d ]+" role="img" aria-label="[^"]{20,}', text)) == 7
    assert len(re.findall(r'<th scope="(?:col|row|colgroup)"', text)) == text.count("<th ")


def test_scores_stand_with_their_errors_in_equal_places_and_their_meaning(page):
    assert "FID ↓ lower is better 11.52 ± 0.31 10.71 ± 0.31" in page.text
    assert "Best checkpoint update 750, test data 5,000 generated, 500 real" in page.text
    assert "Last checkpoint update 1,000, test data" in page.text
    assert SCORES["fid"].meaning in page.text
    assert "train_distance_real needs held-out real images; met none (test, test_last)" in page.text


def test_the_head_says_what_was_trained_and_how_far(page):
    for words in (
        "ProjectionGAN on Digits",
        "✓ finished: 1,000 generator updates",
        "✓ test data scored once",
        "! 1 health warning",
        "collapse at update 300, 2 times in all: Generated images vary a tenth",
    ):
        assert words in page.text


def test_the_commands_make_the_run_again_from_the_configuration(page):
    assert "lightning-cgan fit --config config.yaml --trainer.default_root_dir digits.again" in page.text
    assert "lightning-cgan test --config config.yaml --trainer.default_root_dir digits.again" in page.text


def test_the_film_strip_is_evenly_chosen_from_first_to_last(digits):
    updates = [frame.update for frame in read_run(digits).strip]
    assert len(updates) == FRAMES
    assert updates[0] == 50
    assert updates[-1] == 1000
    assert updates == sorted(updates)


def test_the_card_says_once_what_all_evaluations_share(digits, page):
    text = (digits / "report.html").read_text().replace("<wbr>", "")
    assert re.search(r'<th scope="row">extractor.sha256</th><td colspan="3">(965ce338){8}</td>', text)
    assert re.search(r'<th scope="row">fakes</th><td>5000</td><td>5000</td><td>2000</td>', text)
    assert "versions.torch 2.15.0" in page.text
    assert f"checkpoint.name best.ckpt last.ckpt {NOTHING}" in page.text
    assert '<th scope="row">checkpoint</th>' not in text


def test_the_same_folder_gives_the_same_bytes(digits):
    assert write_report(digits).read_bytes() == write_report(digits).read_bytes()


def test_values_names_and_configuration_cannot_become_html(tmp_path):
    evil = "<script>alert(1)</script>"
    (tmp_path / "config.yaml").write_text(f"seed_everything: '{evil}'\nmodel: {{class_path: 'a.{evil}'}}\n# {evil}\n")
    (tmp_path / "metrics.csv").write_text(f'step,"train/{evil}""onload=""x"\n0,1\n')
    (tmp_path / "health.json").write_text(json.dumps([{"update": evil, "signal": evil, "message": evil}]))
    scores = {f'fid{evil}" onload="x': 1.0}
    metrics = entry({}, {evil: evil, "checkpoint": {"name": evil}}, notes=[evil], classes={evil: {evil: 1}})
    (tmp_path / "metrics.json").write_text(json.dumps({"test": metrics | {"scores": scores}}))
    page = Page(write_report(tmp_path).read_text())
    assert "script" not in page.tags
    assert evil in page.text


def test_a_run_that_has_only_trained_says_what_is_missing(tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,step,train/loss\n0,0,1.5\n")
    (tmp_path / "config.yaml").write_text("trainer: {max_steps: 300}\n")
    page = Page(write_report(tmp_path).read_text())
    for words in ("not finished: 1 of 300", "not scored on test data", "drawn no samples", "No picture", "None yet"):
        assert words in page.text


@pytest.mark.parametrize("name", ["config.yaml", "metrics.csv", "metrics.json"])
def test_a_folder_with_one_empty_file_still_has_a_report(tmp_path, name):
    (tmp_path / name).touch()
    Page(write_report(tmp_path).read_text())


def test_broken_files_are_named_and_the_rest_is_shown(tmp_path):
    folder = write_digits_run(tmp_path / "run", updates=100)
    for name in ("metrics.json", "health.json", "neighbours.png", "samples/000050.png"):
        (folder / name).write_bytes((folder / name).read_bytes()[:90])
    (folder / "config.yaml").write_text("model: [")
    page = Page(write_report(folder).read_text())
    for name in ("metrics.json", "health.json", "neighbours.png", "samples/000050.png", "config.yaml"):
        assert f"{name} cannot be read" in page.text
    assert "update 100" in page.text


@pytest.mark.parametrize(
    "content",
    [
        "[1]",
        '{"test": 3}',
        '{"test": {"scores": [1], "card": 2}}',
        '{"test": {"scores": {"fid": "x"}, "classes": [], "card": {"update": "y", "checkpoint": 1}}}',
        '{"test": {"scores": {"fid": 1}, "standard_errors": 1, "classes": {"1": 2}, "notes": 3, "card": []}}',
    ],
)
def test_a_file_that_holds_something_else_does_no_harm(tmp_path, content):
    (tmp_path / "metrics.json").write_text(content)
    (tmp_path / "health.json").write_text('["x", {"message": 3}]')
    Page(write_report(tmp_path).read_text())


def test_a_run_on_points_and_one_that_only_classifies_have_reports(tmp_path):
    for name, scores in (("points", {"modes": (8.0, None), "frac_near_mode": (0.7386, None)}),
                         ("classifier", {"classification_accuracy": (0.97, None)})):  # fmt: skip
        (tmp_path / name).mkdir()
        metrics = {"val": entry(scores, {"fakes": 5000, "seed": 1, "update": 3000, "checkpoint": None})}
        (tmp_path / name / "metrics.json").write_text(json.dumps(metrics))
        page = Page(write_report(tmp_path / name).read_text())
        assert all(score_info(score).meaning in page.text for score in scores)


def test_a_score_nobody_described_is_shown_under_its_name(tmp_path):
    metrics = {"test": entry({"new_score": (2.5, None)}, card("test", None, 3))}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    assert "new score 2.5" in Page(write_report(tmp_path).read_text()).text


def test_test_data_that_was_scored_often_is_called_out(tmp_path):
    metrics = {"test": entry({"fid": (2.5, None)}, card("test", "best.ckpt", 3, scored=4))}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    assert "! test data scored 4 times" in Page(write_report(tmp_path).read_text()).text


def test_a_picture_too_large_for_a_page_is_made_smaller_and_that_is_said(tmp_path):
    (tmp_path / "config.yaml").touch()
    (tmp_path / "samples").mkdir()
    Image.effect_noise((2000, 1000), 90).save(tmp_path / "samples" / "test.png")
    page = Page(write_report(tmp_path).read_text())
    assert (page.images[0]["width"], page.images[0]["height"]) == (str(LARGEST), str(LARGEST // 2))
    assert "which is larger than shown here" in page.text


def test_the_command_prints_the_path_and_refuses_a_folder_that_is_no_run(tmp_path, capsys):
    (tmp_path / "config.yaml").touch()
    assert main(["report", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'report.html'}\n"
    assert main(["report", str(tmp_path / "none")]) == 2
    assert "has none of them" in capsys.readouterr().err


def test_a_report_is_made_without_importing_torch(digits):
    code = "import sys; from lightning_cgan.cli.main import main; main(sys.argv[1:]); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, "report", str(digits)], cwd=REPOSITORY, check=True, capture_output=True)


def test_scores_of_real_pictures_of_baselines_and_of_the_way_back_are_told_apart():
    ceiling, back = score_info("real_segmentation_accuracy"), score_info("back_views")
    assert (ceiling.title, ceiling.better) == ("Segmentation score (accuracy) of real images", "")
    assert ceiling.meaning.startswith("The ceiling")
    assert back == score_info("views")._replace(title="Views of the reverse direction")
    assert score_info("bicubic_psnr_y").title == "PSNR on Y of bicubic interpolation"
    assert score_info("real_gan_train").title == "GAN-train accuracy (CAS) of real images"
    assert rank("psnr_y") < rank("views") < rank("bicubic_psnr_y")


def test_where_the_best_checkpoint_is_the_last_one_column_says_so(tmp_path):
    folder = write_digits_run(tmp_path / "run", updates=100)
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["test_last"] = metrics["test"]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    text = Page(write_report(folder).read_text()).text
    assert text.count("Best = last checkpoint") == 2  # over the scores and over the cards
    assert "Last checkpoint" not in text
    assert len(columns(read_run(folder))) == 2  # that one, and validation


def badges_of(folder, chance=None, warned=(), **scores):
    """The head of a run's report, and all of it, after an evaluation with these scores."""
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["test"]["scores"] |= scores
    metrics["test"]["chance"] = chance or {}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "health.json").write_text(json.dumps(list(warned)))
    text = Page(write_report(folder).read_text()).text
    return text[: text.index("Evaluation card")], text


def test_no_warnings_says_how_often_and_when_somebody_looked(tmp_path):
    head, text = badges_of(write_digits_run(tmp_path / "run", updates=200))
    assert "✓ no health warnings in 4 checks" in head
    assert "Checked 4 times, from update 50 to 200: losses, outputs of the discriminator, variance of" in text


def test_where_nobody_looked_no_report_says_that_all_is_well(tmp_path):
    folder = write_digits_run(tmp_path / "run", updates=200)
    (folder / "metrics.csv").write_text("epoch,step,train/loss_g\n0,0,1.5\n")
    head, text = badges_of(folder)
    assert "no health warnings" not in head
    assert "health not recorded" in head
    assert "the absence of warnings means nothing" in text


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ({"accuracy": 0.16}, "test: Label accuracy 0.16: guessing the class would have 0.1."),
        ({"fid": 548.0}, "test: FID 548: the worse of noise and one average image would have 579."),
    ],
)
def test_images_that_are_worth_nothing_are_not_called_well(tmp_path, scores, says):
    chance = {"accuracy": 0.1, "fid": 579.0}
    head, text = badges_of(write_digits_run(tmp_path / "run", updates=200), chance, **scores)
    assert "! scores no better than chance" in head
    assert "✓ no health warnings" not in head
    assert says in text


@pytest.mark.parametrize(
    ("name", "score", "level"),
    [
        ("accuracy", 0.84, 0.1),  # super-resolution of the digits
        ("accuracy", 0.101, 0.001),  # of ImageNet, by AC-GAN
        ("accuracy", 0.6, 0.5),
        ("fid", 120.0, 588.0),  # SGAN's pictures
        ("fid", None, 700.0),
        ("fid", 3.0, None),
    ],
)
def test_poor_is_not_worthless(name, score, level):
    assert no_better_than_chance({name: score}, {name: level}) == []
