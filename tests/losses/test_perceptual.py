import pytest
import torch

from lightning_cgan.losses.perceptual import (
    feature_loss,
    feature_loss_per_place,
    gatys_content_loss,
    gatys_style_loss,
    gram_matrix,
    mean_style_loss,
    style_loss,
    summed,
    total_variation,
)

X = torch.arange(8, dtype=torch.float64).view(1, 2, 2, 2)
ONES = torch.ones(1, 2, 2, 2, dtype=torch.float64)
EXACT = {"abs": 1e-9}


def test_a_gram_matrix_is_over_channels_and_places():
    assert gram_matrix(X).flatten().tolist() == pytest.approx([1.75, 4.75, 4.75, 15.75], **EXACT)
    assert gram_matrix(ONES).flatten().tolist() == pytest.approx([0.5] * 4, **EXACT)


def test_the_normalisations_of_the_table_give_their_numbers():
    gram, target = gram_matrix(X), gram_matrix(ONES)
    assert style_loss(gram, target).item() == pytest.approx(270.25, **EXACT)
    assert mean_style_loss(gram, target).item() == pytest.approx(67.5625, **EXACT)
    assert gatys_style_loss(X, ONES).item() == pytest.approx(67.5625, **EXACT)
    raw = (X.flatten(2) @ X.flatten(2).mT - ONES.flatten(2) @ ONES.flatten(2).mT).square().sum()
    assert gatys_style_loss(X, ONES).item() == pytest.approx((raw / (4 * 2**2 * 4**2)).item(), **EXACT)
    assert gatys_content_loss(X, ONES).item() == pytest.approx((X - ONES).square().sum().item() / 2, **EXACT)


def test_the_feature_losses_are_means_over_all_or_sums_over_channels():
    features = torch.arange(12, dtype=torch.float64).view(1, 3, 2, 2)
    ones = torch.ones_like(features)
    assert feature_loss(features, ones).item() == pytest.approx(193 / 6, **EXACT)
    assert feature_loss_per_place(features, ones).item() == pytest.approx(96.5, **EXACT)


def test_total_variation_is_that_whose_gradient_the_authors_compute():
    image = torch.tensor([[0.0, 1, 3], [2, 2, 2], [-1, 0, 4]], dtype=torch.float64, requires_grad=True)
    energy = total_variation(image[None, None])
    (slope,) = torch.autograd.grad(energy, image)
    assert energy.item() == pytest.approx(11.5, **EXACT)
    assert slope.tolist() == [[-3, -2, 2], [5, 3, 0], [-3, -2, 0]]


@pytest.mark.parametrize(
    "loss",
    [feature_loss, feature_loss_per_place, gatys_content_loss, gatys_style_loss, lambda a, b: total_variation(a)],
)
def test_losses_are_means_over_a_batch(loss):
    torch.manual_seed(0)
    a, b = torch.randn(2, 3, 4, 5, 6, dtype=torch.float64)
    alone = [loss(a[k : k + 1], b[k : k + 1]) for k in range(3)]
    assert loss(a, b).item() == pytest.approx((summed(alone) / 3).item(), **EXACT)


def test_one_style_serves_every_image_of_a_batch_and_every_size():
    torch.manual_seed(0)
    style, images = torch.rand(1, 4, 8, 8), torch.rand(3, 4, 6, 10)
    wanted = gram_matrix(style)
    spread = [style_loss(gram_matrix(images[k : k + 1]), wanted).item() for k in range(3)]
    assert style_loss(gram_matrix(images), wanted).item() == pytest.approx(sum(spread) / 3)
    assert torch.allclose(gram_matrix(style.repeat(1, 1, 2, 3)), wanted, atol=1e-6)


def test_a_gram_matrix_keeps_its_precision_inside_autocast_and_of_half_floats():
    torch.manual_seed(0)
    features = 100 * torch.rand(1, 4, 64, 64)
    expected = gram_matrix(features)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(gram_matrix(features), expected)
    half = gram_matrix(features.half())  # a sum over the places would be infinite
    assert half.dtype == torch.float32
    assert torch.allclose(half, expected, rtol=1e-3)
    assert (features.half().flatten(2) @ features.half().flatten(2).mT).isinf().any()
