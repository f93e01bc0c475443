import pytest
import torch
from safetensors.torch import load_file

from lightning_cgan.batches import to_signed
from lightning_cgan.cli.lightning import main
from lightning_cgan.extractors.digits import SmallClassifier, jitter


@pytest.mark.parametrize("size", [8, 16, 32])
def test_images_of_every_size_give_features_and_logits(size):
    seen = SmallClassifier(channels=3, classes=7)(torch.randn(2, 3, size, size))
    assert seen.features.shape == (2, 128)
    assert seen.logits.shape == (2, 7)


def test_jitter_within_no_bounds_changes_nothing():
    image = to_signed(torch.randint(256, (4, 1, 16, 16), dtype=torch.uint8))
    assert torch.allclose(jitter(image, degrees=0, shift=0, zoom=0), image, atol=1e-5)


def test_jitter_moves_each_image_differently_and_keeps_its_range():
    image = to_signed(torch.randint(256, (1, 1, 16, 16), dtype=torch.uint8)).expand(8, -1, -1, -1)
    moved = jitter(image)
    assert moved.shape == image.shape
    assert moved.abs().max() <= 1 + 1e-5
    assert (moved[0] - moved[1]).abs().max() > 0.1


def test_the_recipe_writes_weights_that_the_extractor_can_load(tmp_path):
    flags = ["--trainer.max_steps=2", "--trainer.val_check_interval=2", f"--trainer.default_root_dir={tmp_path}"]
    assert main(["fit", "--config=experiments/classifier/digits.yaml", *flags]) == 0
    SmallClassifier().load_state_dict(load_file(tmp_path / "digits.safetensors"))
    assert (tmp_path / "best.ckpt").is_file()
