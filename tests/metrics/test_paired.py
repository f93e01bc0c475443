import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.nn.functional import avg_pool2d, interpolate

from lightning_cgan.batches import to_bytes, to_signed
from lightning_cgan.metrics.paired import bicubic, similarity


def unequal(size, seed=0):
    """Three smooth pictures and the same with noise of three strengths, as bytes."""
    draw = torch.Generator().manual_seed(seed)
    real = interpolate(torch.rand(3, 3, 6, 6, generator=draw), size=size, mode="bicubic") * 255
    noise = torch.randn(real.shape, generator=draw) * torch.tensor([5.0, 20.0, 60.0]).view(3, 1, 1, 1)
    return [image.clamp(0, 255).byte() for image in (real + noise, real)]


def wangs_parts(x, y):
    """SSIM and its part without luminance of Wang et al. 2004, maps of images (C, H, W) in [0, 255]: a Gaussian window
    of 11 pixels and deviation 1.5, mirrored at the edges, K 0.01 and 0.03."""

    def blurred(image):
        return gaussian_filter(image, sigma=(0, 1.5, 1.5), truncate=3.5, mode="mirror")

    mean, other = blurred(x), blurred(y)
    variance, another, both = blurred(x * x) - mean**2, blurred(y * y) - other**2, blurred(x * y) - mean * other
    structure = (2 * both + 7.65**2) / (variance + another + 7.65**2)
    return structure * (2 * mean * other + 2.55**2) / (mean**2 + other**2 + 2.55**2), structure


def test_psnr_is_scikit_images_and_ssim_is_wangs():
    fake, real = unequal(24)
    mine = similarity(to_signed(fake), to_signed(real))
    pairs = [(y.numpy(), x.numpy()) for x, y in zip(fake, real, strict=True)]
    theirs = [wangs_parts(x.astype(float), y.astype(float))[0] for x, y in pairs]
    assert mine["psnr"].tolist() == pytest.approx([peak_signal_noise_ratio(*pair) for pair in pairs], rel=1e-6)
    assert mine["ssim"].tolist() == pytest.approx([places.mean() for places in theirs], abs=2e-6)
    constants = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    inner = structural_similarity(*pairs[1], channel_axis=0, **constants)  # scikit-image leaves the edges out
    assert theirs[1][:, 5:-5, 5:-5].mean() == pytest.approx(inner, abs=1e-9)
    assert "ms_ssim" not in mine


def wangs_ms_ssim(x, y):
    """Wang et al. 2003: five scales. Edges are left out of all maps but the last, as in torchmetrics."""
    score = 1.0
    for number, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        whole, structure = wangs_parts(x.numpy(), y.numpy())
        score *= (structure[:, 5:-5, 5:-5] if number < 4 else whole).mean() ** weight
        x, y = avg_pool2d(x, 2), avg_pool2d(y, 2)
    return score


def test_ms_ssim_is_wangs_on_images_enlarged_to_256():
    fake, real = (image[1:] for image in unequal(64))
    mine = similarity(to_signed(fake), to_signed(real))["ms_ssim"].tolist()
    large = (interpolate(image.double(), size=256, mode="bilinear", antialias=True) for image in (fake, real))
    assert mine == pytest.approx([wangs_ms_ssim(x, y) for x, y in zip(*large, strict=True)], abs=1e-5)
    assert min(mine) < 0.9


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
