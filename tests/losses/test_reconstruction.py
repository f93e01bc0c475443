import pytest
import torch

from lightning_cgan.losses.reconstruction import Distance, feature_matching, shared

EXACT = {"rel": 1e-9, "abs": 1e-12}


def double(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_feature_matching_is_the_mean_squared_distance_of_the_mean_features():
    real, fake = double([1, 2], [3, 4]), double([0, 0], [2, 1])
    assert feature_matching([real], [fake]).item() == pytest.approx(3.625, **EXACT)
    assert feature_matching([real, 2 * real], [fake, 2 * fake]).item() == pytest.approx(5 * 3.625, **EXACT)


def test_feature_matching_sees_batches_as_wholes():
    real = torch.randn(6, 3, 2, 2, dtype=torch.float64)
    assert feature_matching([real], [real.flip(0)]).item() == pytest.approx(0, abs=1e-12)
    assert feature_matching([real], [real[:2]]).item() > 0.01


@pytest.mark.parametrize(("rate", "loss"), [(0.01, 1.4078), (0.5, 0.81)])
def test_the_rates_of_the_published_code_share_the_loss_out(rate, loss):
    gan, features, reconstruction = (torch.tensor(value, dtype=torch.float64) for value in (0.7, 1.5, 0.2))
    adversarial = shared(gan, features, 0.9)
    assert shared(adversarial, reconstruction, rate).item() == pytest.approx(loss, **EXACT)


@pytest.mark.parametrize(
    ("distance", "expected"),  # of images in [0, 1] that differ by 0.5, 0, -0.25 and 0.05
    [
        (Distance.mse, (0.25 + 0.0625 + 0.0025) / 4),
        (Distance.l1, 0.8 / 4),
        (Distance.huber, (0.25 + 0.0625 + 0.0025) / 8),
        (Distance.hinge, (0.4 + 0.15) / 4),
    ],
)
def test_distances_are_means_between_images_in_0_1(distance, expected):
    source = double([[[-1.0, 0.0], [0.5, -0.1]]])
    recovered = source + double([[[1.0, 0.0], [-0.5, 0.1]]])
    assert distance(recovered, source).item() == pytest.approx(expected, **EXACT)


def test_the_cosine_distance_is_the_angle_between_whole_images():
    source, across = double([[[1.0, -1.0]]]), double([[[-1.0, 1.0]]])  # (1, 0) and (0, 1)
    assert Distance.cosine(source, source).item() == pytest.approx(0, abs=1e-12)
    assert Distance.cosine(across, source).item() == pytest.approx(1, **EXACT)
    assert Distance.cosine((source + across) / 2, source).item() == pytest.approx(1 - 0.5**0.5, **EXACT)


@pytest.mark.parametrize("distance", Distance)
def test_every_distance_is_least_at_the_source_and_has_a_gradient_elsewhere(distance):
    source = torch.rand(2, 3, 4, 4, dtype=torch.float64) * 2 - 1
    assert distance(source, source).item() == pytest.approx(0, abs=1e-12)
    far = torch.rand_like(source).requires_grad_()
    distance(far, source).backward()
    assert far.grad.abs().sum() > 0
