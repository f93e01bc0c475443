import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from lightning_cgan.batches import to_bytes, to_signed
from lightning_cgan.metrics.paired import bicubic, similarity


def test_psnr_is_the_mean_over_images_of_what_scikit_image_gives():
    torch.manual_seed(0)
    a, b = torch.randint(256, (2, 3, 3, 16, 16), dtype=torch.uint8)
    mine = similarity(to_signed(a), to_signed(b))
    theirs = [peak_signal_noise_ratio(x.numpy(), y.numpy()) for x, y in zip(b, a, strict=True)]
    assert mine["psnr"].tolist() == pytest.approx(theirs, rel=1e-5)
    assert mine["ssim"].shape == (3,)
    assert "ms_ssim" not in mine


def test_equal_images_have_a_hundred_decibels_and_ssim_one():
    image = torch.rand(2, 1, 64, 64) * 2 - 1
    scores = similarity(image, image)
    assert scores.keys() == {"psnr", "ssim", "ms_ssim"}
    assert scores["psnr"].tolist() == [100, 100]
    assert torch.allclose(scores["ssim"], torch.ones(2))
    assert torch.allclose(scores["ms_ssim"], torch.ones(2), atol=1e-5)


def test_interpolation_is_pils():
    torch.manual_seed(0)
    low = torch.randint(90, 160, (1, 1, 8, 8), dtype=torch.uint8)  # PIL clips between its two passes
    source = to_signed(low).repeat_interleave(4, -1).repeat_interleave(4, -2)
    theirs = np.asarray(Image.fromarray(low[0, 0].numpy()).resize((32, 32), Image.Resampling.BICUBIC))
    assert np.abs(to_bytes(bicubic(source, 4))[0, 0].numpy().astype(int) - theirs).max() <= 1


def test_another_scale_than_the_sources_is_refused():
    source = torch.rand(1, 1, 4, 4).repeat_interleave(2, -1).repeat_interleave(2, -2)
    with pytest.raises(ValueError, match=r"Set init_args\.scale"):
        bicubic(source, 4)
