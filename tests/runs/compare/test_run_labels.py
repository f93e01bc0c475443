import pytest

from tests.runs.compare.conftest import CONFIG, rows


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ([{}, {"data.class_path": "datamodules.MNIST"}], ["", ""]),
        ([{}, {"model.init_args.n_critic": 1}], ["n_critic 2", "n_critic 1"]),
        ([{}, {"trainer.max_steps": 500}], ["max_steps 1000", "max_steps 500"]),
        ([{}, {"model.init_args.generator.init_args.width": 32}], ["width 64", "width 32"]),
        (
            [{}, {"model.init_args.generator": {"class_path": "lightning_cgan.networks.dcgan.Generator"}}],
            ["generator sngan.Generator", "generator dcgan.Generator"],
        ),
        (
            [{}, {"model.init_args.n_critic": 1}, {"model.init_args.generator_optimizer.init_args.lr": 1e-4}],
            ["lr 0.002, n_critic 2", "lr 0.002, n_critic 1", "lr 0.0001, n_critic 2"],
        ),
    ],
)
def test_rows_are_named_by_their_classes_and_what_tells_them_apart(a_run, compare, changes, names):
    lengths = [change.get("trainer.max_steps", 1000) for change in changes]
    runs = [
        a_run(f"r{n}", config=change, card={"update": length})
        for n, (change, length) in enumerate(zip(changes, lengths, strict=True))
    ]
    met = [row[0].partition(", ")[2] for row in rows(compare(*runs))[2:]]
    assert met == names


def test_names_stay_short_and_say_what_they_leave_out(a_run, compare):
    many = {"model.init_args.n_critic": 1, "model.init_args.generator_optimizer.init_args.lr": 1e-4}
    many |= {"data.init_args.size": 32, "trainer.precision": "bf16-mixed"}
    out = compare(a_run("a"), a_run("b", config=many))
    assert [row[0] for row in rows(out)[2:]] == [
        "ProjectionGAN on Digits, lr 0.002",
        "ProjectionGAN on Digits, lr 0.0001",
    ]
    assert "The rows of ProjectionGAN on Digits differ also in n_critic, size, precision." in out


def test_a_view_of_a_data_set_is_named_after_the_set(a_run, compare):
    data = {"class_path": "datamodules.SemiLabelled"}
    data["init_args"] = {"data": CONFIG["data"], "labels": 30}
    assert "ProjectionGAN on Digits" in compare(a_run("a", config={"data": data}))
