import pytest

from lightning_cgan.cli.lightning import main

FILES = {"sgan": "experiments/sgan/digits.yaml", "twin": "experiments/sgan/digits_supervised.yaml"}


@pytest.fixture
def train(tmp_path):
    """Runs a command on a tiny file: ``train("fit", "--fresh", of="twin", steps=2)``."""

    def run(command, *extra, of="sgan", steps=2, every=2, folder="run"):
        tiny = [
            "--model.init_args.classifier.init_args.width=4",
            "--data.init_args.data.init_args.batch_size=6",
            "--data.init_args.data.init_args.validation_fakes=21",
            "--data.init_args.data.init_args.test_fakes=21",
            *["--model.init_args.generator.init_args.width=4"] * (of == "sgan"),
            *[f"--trainer.max_steps={steps}", f"--trainer.val_check_interval={every}", "--trainer.log_every_n_steps=1"],
            "--trainer.precision=32-true",
        ]
        return main(
            [command, f"--config={FILES[of]}", *tiny, f"--trainer.default_root_dir={tmp_path / folder}", *extra]
        )

    return run
