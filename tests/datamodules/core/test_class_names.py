"""Quoted classes are names, unquoted ones numbers, through the command line's own parser."""

import pytest
import torch
from PIL import Image

from datamodules.embedded.facades import Facades
from datamodules.translation import Direction
from lightning_cgan import build
from lightning_cgan.cli.lightning import main
from tests.datamodules.sets import random_bytes

NAMES = ("10", "2", "8")  # numbered 0, 1, 2 in this order


@pytest.fixture
def numbered(tmp_path):
    """Flags for a set whose folders are called as numbers."""
    for name in NAMES:
        folder = tmp_path / "set" / "train" / name
        folder.mkdir(parents=True)
        for count in range(4):
            Image.fromarray(random_bytes([int(name), count], 16, 16, 1)[..., 0]).save(folder / f"{count}.png")
    narrow = [f"--model.init_args.{network}.init_args.width=8" for network in ("generator", "discriminator")]
    data = {"root": tmp_path / "set", "size": 16, "channels": 1, "num_workers": 0, "share": 0.2, "batch_size": 2}
    flags = [f"--data.init_args.{key}={value}" for key, value in data.items()]
    more = ["--data.init_args.validation_fakes=6", "--trainer.callbacks=null", "--trainer.precision=32-true"]
    return ["--data=datamodules.LabelledFolder", *narrow, *flags, *more]


@pytest.mark.filterwarnings("ignore:class")
@pytest.mark.parametrize(
    ("asked", "numbers"), [('["10"]', [0]), ("['2', \"8\"]", [1, 2]), ("[2]", [2]), ('["8", 0]', [2, 0])]
)
def test_quoted_names_are_names_and_unquoted_numbers_are_numbers(numbered, asked, numbers):
    built = [flag for flag in numbered if not flag.startswith("--trainer")]
    _, data = build("experiments/projection/digits.yaml", *built, f"--data.init_args.predict_classes={asked}")
    assert data.predict_classes == numbers


@pytest.mark.filterwarnings("ignore:class")
def test_predict_writes_the_name_of_the_class_into_the_file(numbered, tmp_path):
    run = ["--config=experiments/projection/digits.yaml", *numbered, f"--trainer.default_root_dir={tmp_path / 'run'}"]
    assert main(["fit", *run, "--trainer.max_steps=1", "--trainer.val_check_interval=1"]) == 0
    draw = ['--data.init_args.predict_classes=["10"]', "--data.init_args.predict_per_class=1"]
    assert main(["predict", *run, *draw]) == 0
    assert [path.name for path in (tmp_path / "run").rglob("10_*.png")] == ["10_0000.png"]
    assert not list((tmp_path / "run").rglob("0_*.png"))


@pytest.mark.filterwarnings("ignore:classes are numbered from 0")
def test_a_number_that_is_only_a_name_is_answered_with_its_quotes(numbered):
    built = [flag for flag in numbered if not flag.startswith("--trainer")]
    with pytest.raises(ValueError, match=r'with the name 10 is written in quotes, "10"'):
        build("experiments/projection/digits.yaml", *built, "--data.init_args.predict_classes=[10]")


def test_an_embedded_set_takes_a_cmyk_picture_to_translate_when_it_is_told_to(tmp_path):
    colours = Image.fromarray(random_bytes(0, 64, 64, 4), "CMYK")
    colours.save(tmp_path / "inks.jpg")
    few = {"pictures": 4, "validation_pictures": 4, "test_pictures": 4, "direction": Direction.b_to_a}
    with pytest.raises(ValueError, match=r"(?s)inks.jpg is CMYK without .* set data.init_args.cmyk"):
        Facades(**few, predict_from=str(tmp_path / "inks.jpg")).setup("predict")
    data = Facades(**few, predict_from=str(tmp_path / "inks.jpg"), cmyk="plain")
    data.setup("predict")
    (image,) = next(iter(data.predict_dataloader())).image
    assert image.shape == (3, 64, 64)
    assert image.dtype == torch.uint8
