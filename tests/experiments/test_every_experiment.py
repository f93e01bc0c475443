"""Every experiment file runs for two generator updates on tiny data of its own format."""

import json

import pytest

from lightning_cgan.cli import main
from tests.conftest import REPOSITORY
from tests.datamodules.sets import write_cifar, write_folders
from tests.metrics.test_extractors import inception_weights  # noqa: F401

FILES = sorted(
    str(path.relative_to(REPOSITORY))
    for path in (REPOSITORY / "experiments").rglob("*.yaml")
    if path.parent.name != "cluster"
)
SMALL = [
    "--data.init_args.batch_size=2",
    "--data.init_args.validation_fakes=20",
    "--data.init_args.evaluation_batch_size=10",
]


@pytest.fixture
def tiny(tmp_path, monkeypatch, inception_weights):  # noqa: F811
    """The flags that make an experiment tiny."""
    extractor = {
        "class_path": "lightning_cgan.metrics.extractors.InceptionV3",
        "init_args": {"weights": inception_weights},
    }
    by_inception = [{"class_path": "lightning_cgan.callbacks.scores.Scores", "init_args": {"extractor": extractor}}]

    def flags(file):
        inception = ["--trainer.callbacks", json.dumps(by_inception)]
        if "cifar" in file:
            root = write_cifar(
                tmp_path / "data", monkeypatch, file.split("/")[-1].removesuffix(".yaml").upper(), count=40
            )
            return [*SMALL, f"--data.init_args.root={root}", *inception]
        if "imagenet" in file:
            root = write_folders(tmp_path / "data")
            return [*SMALL, f"--data.init_args.root={root}",
                    "--data.init_args.num_classes=3", "--data.init_args.num_workers=1",
                    "--model.init_args.generator.init_args.width=8",
                    "--model.init_args.discriminator.init_args.width=8", *inception]  # fmt: skip
        return SMALL

    return lambda file: wrapped(flags(file)) if "sgan" in file else flags(file)


def wrapped(flags):
    """``flags`` for a set of which few labels are known."""
    inner = [flag.replace("data.init_args", "data.init_args.data.init_args") for flag in flags]
    return ["--data.init_args.labels_per_class=1", *inner]


@pytest.mark.parametrize("file", FILES)
def test_an_experiment_trains_and_validates(file, tiny, tmp_path):
    lengths = [
        "--trainer.max_steps=2",
        "--trainer.val_check_interval=2",
        "--trainer.limit_val_batches=2",
        f"--trainer.default_root_dir={tmp_path / 'run'}",
    ]
    assert main(["fit", f"--config={file}", *lengths, *tiny(file)]) == 0
    assert (tmp_path / "run" / "last.ckpt").is_file()
    assert "val/" in (tmp_path / "run" / "metrics.csv").read_text()


@pytest.mark.parametrize("file", FILES)
def test_a_head_comment_says_where_a_file_comes_from_and_what_it_reaches(file):
    text = (REPOSITORY / file).read_text()
    head = text[: text.index("model:")]
    for word in ("# Target:", "# Measured:", "# Hardware:", "# Command:"):
        assert word in head
