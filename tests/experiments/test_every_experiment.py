"""Every experiment file runs for two generator updates on tiny data of its own format."""

import pytest

from lightning_cgan.cli.lightning import main
from tests.experiments.tiny import FILES, inception_weights, tiny  # noqa: F401


@pytest.mark.filterwarnings("ignore:The networks are fully grown after")
@pytest.mark.parametrize("file", FILES)
def test_an_experiment_trains_and_validates(file, tiny, tmp_path):  # noqa: F811
    lengths = [
        "--trainer.max_steps=2",
        "--trainer.val_check_interval=2",
        "--trainer.limit_val_batches=2",
        "--trainer.num_sanity_val_steps=0",
        f"--trainer.default_root_dir={tmp_path / 'run'}",
    ]
    assert main(["fit", f"--config=experiments/{file}.yaml", *lengths, *tiny(file)]) == 0
    assert (tmp_path / "run" / "last.ckpt").is_file()
    assert "val/" in (tmp_path / "run" / "metrics.csv").read_text()
