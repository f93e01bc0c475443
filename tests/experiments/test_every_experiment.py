"""Every experiment file runs for two generator updates on tiny data of its own format."""

from pathlib import Path

import pytest

from lightning_cgan.cli.lightning import main
from lightning_cgan.extractors.weights_registry import sha256_of
from tests.experiments.tiny import FILES, tiny  # noqa: F401
from tests.extractors.test_extractors import inception_weights  # noqa: F401


@pytest.fixture
def fit(tmp_path):
    """Trains a file in two updates, validates once, and returns the log."""

    def train(file, *flags):
        lengths = [
            "--trainer.max_steps=2",
            "--trainer.val_check_interval=2",
            "--trainer.limit_val_batches=1",
            "--trainer.num_sanity_val_steps=0",
            f"--trainer.default_root_dir={tmp_path / 'run'}",
        ]
        assert main(["fit", f"--config=experiments/{file}.yaml", *lengths, *flags]) == 0
        assert (tmp_path / "run" / "last.ckpt").is_file()
        return (tmp_path / "run" / "metrics.csv").read_text()

    return train


@pytest.mark.filterwarnings("ignore:The networks are fully grown after")
@pytest.mark.parametrize("file", FILES)
def test_an_experiment_trains_and_validates(file, tiny, fit):  # noqa: F811
    assert "val/" in fit(file, *tiny(file))


@pytest.mark.slow
def test_an_experiment_is_scored_by_inception(tiny, fit, inception_weights):  # noqa: F811
    weights = {"weights": inception_weights, "sha256": sha256_of(Path(inception_weights))}
    inception = {"class_path": "lightning_cgan.extractors.InceptionV3", "init_args": weights}
    assert "val/fid" in fit("projection/cifar10", *tiny("projection/cifar10", inception))
