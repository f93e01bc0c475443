import math

import numpy as np
import pytest
import torch
from PIL import Image
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from lightning_cgan.batches import to_bytes, to_signed
from lightning_cgan.metrics.super_resolution import (
    CAP,
    bicubic,
    feature_distance,
    gradient_energy,
    image_scores,
    luma,
    psnr,
    ssim,
    without_border,
)
from tests.super_resolution import Features


def flat(*colour, size=12):
    return torch.tensor(colour, dtype=torch.float64)[:, None, None].repeat(1, size, size)


def picture(seed=0, size=40):
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, size // 4, size // 4, generator=draw)
    return torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")[0] * 2 - 1


def test_luma_is_that_of_bt_601():
    assert luma(flat(0.2, 0.4, 0.6))[0, 0].item() == pytest.approx(95.497, abs=1e-9)
    assert luma(flat(1, 1, 1))[0, 0].item() == pytest.approx(235, abs=1e-9)
    assert luma(flat(0, 0, 0))[0, 0].item() == 16
    assert torch.allclose(luma(flat(0.3)), luma(flat(0.3, 0.3, 0.3)))  # a grey image


def test_psnr_on_luma_without_the_border_has_the_known_values():
    a, b = flat(0.2, 0.4, 0.6), flat(0.25, 0.35, 0.6)
    b[:, :4] = 1
    inner = [without_border(image, 4) for image in (b, a)]
    assert psnr(*map(luma, inner)) == pytest.approx(38.15467146997175, abs=1e-9)
    assert psnr(luma(b), luma(a)) == pytest.approx(10.005908731798922, abs=1e-9)
    assert psnr(*inner, data_range=1.0) == pytest.approx(27.781512503836435, abs=1e-9)


def test_equal_images_have_a_finite_psnr():
    assert psnr(flat(0.5), flat(0.5)) == 100


def test_ssim_agrees_with_torchmetrics():
    real = luma((picture() + 1) / 2)
    fake = (real + 8 * torch.randn(real.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 255)
    pair = fake[None, None].double(), real[None, None].double()
    _, places = structural_similarity_index_measure(*pair, data_range=255.0, return_full_image=True)
    assert ssim(fake, real) == pytest.approx(without_border(places, 5).mean().item(), abs=1e-9)
    assert ssim(real, real) == 1
    assert math.isnan(ssim(real[:10], real[:10]))


def test_gradient_energy_is_that_of_a_slope_and_falls_by_blurring():
    slope = torch.arange(10.0).expand(6, 10) * 3
    assert gradient_energy(slope) == pytest.approx(9)
    assert gradient_energy(slope + 2 * slope.new_tensor(range(6))[:, None]) == pytest.approx(9 + 4)
    noise = torch.randn(32, 32, generator=torch.Generator().manual_seed(0))
    blurred = torch.nn.functional.avg_pool2d(noise[None], 3, 1)[0]
    assert gradient_energy(blurred) < 0.2 * gradient_energy(noise)


def test_the_distance_of_features_is_relative_to_those_of_the_true_image():
    class Identity(torch.nn.Module):
        def forward(self, image):
            return image, image[:, :1] + 7

    real = torch.ones(3, 8, 8)
    fake = real * 1.5
    assert feature_distance(Identity(), fake, real) == pytest.approx((0.5 + 0.5 / 8) / 2)
    assert feature_distance(Features(), real, real) == 0


def test_interpolation_enlarges_and_stays_in_range():
    image = bicubic(torch.rand(2, 3, 5, 6).sign() * 2 - 1, 4)
    assert image.shape == (2, 3, 20, 24)
    assert image.abs().max() <= 1


def test_an_image_is_scored_as_its_file_would_be_and_without_its_border():
    real = to_signed(picture().add(1).mul(127.5).round().byte())
    perfect = image_scores(real + 0.3 / 255, real, 4, Features())  # rounding takes it away
    assert perfect == {"psnr_y": CAP, "ssim_y": 1, "gradient_energy": 1, "feature_distance": 0}
    spoilt = real.clone()
    spoilt[:, :4] = -real[:, :4]
    assert image_scores(spoilt, real, 4)["psnr_y"] == CAP
    assert image_scores(spoilt, real, 2)["psnr_y"] < 40


def test_a_worse_image_has_worse_scores():
    real = picture()
    scores = [image_scores(real + d * torch.randn_like(real), real, 2, Features()) for d in (0.05, 0.2)]
    assert scores[0]["psnr_y"] > scores[1]["psnr_y"]
    assert scores[0]["ssim_y"] > scores[1]["ssim_y"]
    assert scores[0]["feature_distance"] < scores[1]["feature_distance"]
    assert 1 < scores[0]["gradient_energy"] < scores[1]["gradient_energy"]


def test_an_image_with_nan_has_no_scores_rather_than_good_ones():
    spoilt = picture()
    spoilt[0, 3, 3] = math.nan
    assert all(math.isnan(score) for score in image_scores(spoilt, picture(), 2, Features()).values())


def test_a_grey_image_is_scored_as_the_colour_image_that_it_is():
    real, fake = picture()[:1], picture(1)[:1]
    colour = image_scores(fake.repeat(3, 1, 1), real.repeat(3, 1, 1), 2, Features())
    assert image_scores(fake, real, 2, Features()) == pytest.approx(colour)


def test_scores_of_an_image_are_those_of_torchmetrics_on_the_luma_of_its_bytes_without_the_border():
    real, fake = picture(), picture() + 0.1 * torch.randn(3, 40, 40, generator=torch.Generator().manual_seed(2))
    weight = torch.tensor([65.481, 128.553, 24.966]).double()[:, None, None] / 255
    y, true = (
        16 + (((image + 1) * 127.5).round().clamp(0, 255).double() * weight).sum(0)[None, None, 3:-3, 3:-3]
        for image in (fake, real)
    )
    scores = image_scores(fake, real, 3)
    assert scores["psnr_y"] == pytest.approx(peak_signal_noise_ratio(y, true, data_range=255.0).item(), abs=1e-5)
    _, places = structural_similarity_index_measure(y, true, data_range=255.0, return_full_image=True)
    assert scores["ssim_y"] == pytest.approx(without_border(places, 5).mean().item(), abs=1e-8)
    gradients = [sum((image.diff(dim=axis) ** 2).mean() for axis in (2, 3)) for image in (y, true)]
    assert scores["gradient_energy"] == pytest.approx((gradients[0] / gradients[1]).item(), rel=1e-6)


def test_interpolation_is_pillows():
    low = torch.randint(90, 160, (1, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    theirs = np.asarray(Image.fromarray(low[0, 0].numpy()).resize((32, 32), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(to_bytes(bicubic(to_signed(low), 4))[0, 0].numpy() - theirs).max() <= 1
