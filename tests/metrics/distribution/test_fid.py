import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch.nn.functional import avg_pool2d
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torchmetrics.image.fid import _compute_fid

from datamodules.embedded.digits import split_digits
from lightning_cgan.extractors.extractors import DigitsClassifier, extract
from lightning_cgan.metrics.distribution.fid import frechet_distance, frechet_distances
from tests.metrics.pixels import features

SHAPES = [(400, 300, 8), (20, 300, 50), (300, 20, 50), (40, 30, 50), (30, 40, 50), (60, 55, 50)]


def moments(x):
    return x.double().mean(0), torch.cov(x.double().T)


@pytest.mark.parametrize(("reals", "fakes", "width"), SHAPES)
def test_it_is_torch_fidelitys_torchmetrics_and_that_of_the_matrix_root(reals, fakes, width):
    real, fake = features(reals, width, 0), features(fakes, width, 1, 1.2, 0.1)
    (m, s), (n, t) = moments(real), moments(fake)
    statistics = [fid_features_to_statistics(x.double()) for x in (fake, real)]
    ours = frechet_distance(real, fake)
    fidelity = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert ours == pytest.approx(fidelity, rel=1e-6)
    assert ours == pytest.approx(_compute_fid(m, s, n, t).item(), rel=1e-6)
    if min(reals, fakes) > width:  # of a singular product scipy gives no root
        root = np.trace(sqrtm((s @ t).numpy())).real
        assert ours == pytest.approx(((m - n).square().sum() + s.trace() + t.trace()).item() - 2 * root, rel=1e-6)


def test_of_gaussians_it_is_the_closed_form():
    torch.manual_seed(0)
    real = torch.randn(50_000, 3, dtype=torch.float64)
    fake = torch.randn(50_000, 3, dtype=torch.float64) * torch.tensor([1.0, 2.0, 3.0]) + torch.tensor([1.0, 0.0, 0.0])
    assert frechet_distance(real, fake) == pytest.approx(1 + 0 + 1 + 4, rel=0.02)


@pytest.mark.parametrize("images", [100, 300, 3_000])
def test_of_images_and_themselves_it_is_zero(images):
    x = 10 * features(images, 256, 0)
    x[:, :9] = 0  # dead features, and one that follows from another
    x[:, 9] = 2 * x[:, 10]
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-3)
    assert frechet_distance(x, x[torch.randperm(images)]) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(("reals", "fakes", "width"), SHAPES)
def test_it_is_symmetric_and_blind_to_order(reals, fakes, width):
    real, fake = features(reals, width, 0), features(fakes, width, 1)
    whole = frechet_distance(real, fake)
    assert frechet_distance(fake, real) == pytest.approx(whole, rel=1e-6)
    assert frechet_distance(real[torch.randperm(reals)], fake[torch.randperm(fakes)]) == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("shift", [100, 10_000])
@pytest.mark.parametrize("width", [5, 400])
def test_large_means_do_not_cancel_the_digits(shift, width):
    real, fake = (torch.randn(300, width, generator=torch.Generator().manual_seed(s)).double() for s in (0, 1))
    assert frechet_distance(real + shift, fake + shift) == pytest.approx(frechet_distance(real, fake), rel=1e-6)


def test_features_in_single_precision_lose_no_more_than_they_are_rounded():
    real, fake = features(2_000, 16, 0, shift=30), features(2_000, 16, 1, shift=30)
    assert frechet_distance(real, fake) == pytest.approx(frechet_distance(real.double(), fake.double()), rel=1e-9)


@pytest.mark.parametrize(("reals", "fakes", "width"), SHAPES)
def test_without_a_group_it_is_that_of_the_other_images(reals, fakes, width):
    real, fake, group = features(reals, width, 0), features(fakes, width, 1), torch.arange(fakes) % 4
    found = frechet_distances(real, fake, group, 4)
    assert found[0].item() == pytest.approx(frechet_distance(real, fake), rel=1e-7)
    for number in range(4):
        assert found[1 + number].item() == pytest.approx(frechet_distance(real, fake[group != number]), rel=1e-6)


def test_a_group_whose_absence_leaves_one_image_gives_no_number_and_an_empty_one_changes_nothing():
    real, fake = features(30, 5, 0), features(3, 5, 1)
    found = frechet_distances(real, fake, torch.tensor([0, 0, 1]), 3)
    assert found[1].isnan()
    assert found[2] > 0
    assert found[3].item() == pytest.approx(found[0].item(), rel=1e-9)


def test_an_image_that_is_there_twice_changes_it():
    real, fake = features(100, 5, 0), features(99, 5, 1)
    padded = torch.cat([fake, fake[-1:]])
    assert abs(frechet_distance(real, padded) / frechet_distance(real, fake) - 1) > 1e-4


def test_it_rises_with_noise_blur_and_the_number_of_dropped_classes():
    extractor, splits = DigitsClassifier(), split_digits(16)
    train, label = splits["train"].image, splits["train"].label
    real = extract(extractor, splits["test"].image).features
    noise = torch.randn(train.shape, generator=torch.Generator().manual_seed(0))

    def rises(images):
        found = [frechet_distance(real, extract(extractor, image.to(torch.uint8)).features) for image in images]
        return found == sorted(set(found))

    assert rises((train + scale * noise).clamp(0, 255) for scale in (0, 30, 60, 120))
    assert rises(avg_pool2d(train.float(), size, 1, size // 2) for size in (1, 3, 5, 7))
    assert rises(train[label < classes] for classes in (10, 8, 5, 2))
