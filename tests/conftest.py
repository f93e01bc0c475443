import io
import json
import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from lightning_cgan.callbacks import pictures
from lightning_cgan.cli.lightning import main
from lightning_cgan.runs.files import replacing

REPOSITORY = Path(__file__).parent.parent
DIGITS = "experiments/projection/digits.yaml"
EXTRACTOR = "lightning_cgan.extractors.DigitsClassifier"
SCORES = (  # without classifiers to train, which takes most of a small test's time
    "--trainer.callbacks=[{{class_path: lightning_cgan.callbacks.Scores, "
    "init_args: {{classifier_updates: 0, extractor: {}}}}},"
    "{{class_path: lightning_cgan.callbacks.ChannelsLast}}]"
)
TINY = (
    "--model.init_args.generator.init_args.width=8",
    "--model.init_args.discriminator.init_args.width=8",
    "--data.init_args.batch_size=4",
    "--data.init_args.validation_fakes=21",
    "--data.init_args.test_fakes=41",
    "--data.init_args.evaluation_batch_size=50",
    "--trainer.log_every_n_steps=1",
)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Before all other fixtures, those of a whole module too: another number of threads gives other bits."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def features_of_their_own(tmp_path_factory):
    """Features of real images are kept away from the user's own."""
    os.environ["LIGHTNING_CGAN_CACHE"] = str(tmp_path_factory.mktemp("features"))


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("PL_GLOBAL_SEED", "0")


@pytest.fixture(scope="session")
def an_image():
    """One grey pixel as a PNG file."""
    file = io.BytesIO()
    Image.new("L", (1, 1), 128).save(file, "png")
    return file.getvalue()


@pytest.fixture(autouse=True)
def placeholder_curves(request, monkeypatch, an_image):
    """One pixel instead of ``curves.png``: Matplotlib takes a third of a tiny run. ``drawn_curves`` draws them."""

    def draw_curves(log, path):
        with replacing(path) as file:
            file.write(an_image)

    if "drawn_curves" not in request.fixturenames:
        monkeypatch.setattr(pictures, "draw_curves", draw_curves)


@pytest.fixture
def drawn_curves():
    """Has ``curves.png`` drawn at the end of a run."""


@pytest.fixture
def run(tmp_path):
    """Runs a command on the tiny digits experiment: ``run("fit", "--fresh", folder="a", steps=4)``."""

    def run_tiny(command, *extra, folder="run", steps=6, every=3, config=DIGITS):
        return main(
            [
                command,
                f"--config={config}",
                *([SCORES.format(EXTRACTOR)] if config == DIGITS else []),
                *TINY,
                f"--trainer.default_root_dir={tmp_path / folder}",
                f"--trainer.max_steps={steps}",
                f"--trainer.val_check_interval={every}",
                *extra,
            ]
        )

    return run_tiny


@pytest.fixture
def state(tmp_path):
    """The content of a checkpoint in a run folder."""

    def read(folder="run", name="last.ckpt"):
        return torch.load(tmp_path / folder / name, weights_only=True)

    return read


@pytest.fixture
def scores(tmp_path):
    """What ``metrics.json`` in a run folder says."""

    def read(folder="run"):
        return json.loads((tmp_path / folder / "metrics.json").read_text())

    return read


def same(a, b):
    """Whether two nested states agree to the last bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b
