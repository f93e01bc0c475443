"""The whole way from images to scores beside torch-fidelity's: same images, same Inception of random weights."""

from pathlib import Path

import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from lightning_cgan.batches import EvalOutput, to_signed
from lightning_cgan.extractors.extractors import InceptionV3, sha256_of
from lightning_cgan.metrics.distribution.all_scores import FeatureAccumulator, all_scores
from lightning_cgan.metrics.distribution.fid import frechet_distance
from lightning_cgan.protocol import Convention
from tests.metrics.inception import random_inception

CONVENTION = Convention(inception_splits=2, kid_subsets=4, kid_subset_size=5)


@pytest.fixture(scope="module")
def images():
    """Real and generated ones, 5 and 6: smooth colours at random, the generated ones less so."""
    stream = torch.Generator().manual_seed(0)
    coarse = torch.rand(11, 3, 5, 5, generator=stream)
    smooth = torch.nn.functional.interpolate(coarse, size=(40, 40), mode="bicubic")
    noisy = smooth[5:] + 0.1 * torch.randn(6, 3, 40, 40, generator=stream)
    return [(255 * image).clamp(0, 255).to(torch.uint8) for image in (smooth[:5], noisy)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return random_inception(tmp_path_factory.mktemp("weights") / "inception.pth")


@pytest.fixture(scope="module")
def extractor(weights):
    return InceptionV3(weights, sha256=sha256_of(Path(weights)))


@pytest.fixture(scope="module")
def theirs(weights, images):
    """Features and logits of the real and of the generated images, by torch-fidelity's network alone."""
    network = FeatureExtractorInceptionV3("x", ["2048", "logits_unbiased"], feature_extractor_weights_path=weights)
    with torch.no_grad():
        return [network(image) for image in images]


@pytest.fixture(scope="module")
def ours(extractor, images):
    seen = FeatureAccumulator(extractor)
    for number, (real, fake) in enumerate(zip(*(to_signed(image).tensor_split(2) for image in images), strict=True)):
        seen.add(number, EvalOutput(real, fake))
    return seen.gather(torch.device("cpu"), 1)


def test_every_score_is_torch_fidelitys(ours, theirs):
    (real, _), (fake, logits) = theirs
    value = all_scores(ours, knows_labels=False, convention=CONVENTION).value
    isc = isc_features_to_metric(logits, splits=2)
    prc = prc_features_to_metric(fake, real, prc_neighborhood=3, verbose=False)
    kid = kid_features_to_metric(fake.double(), real.double(), kid_subsets=4, kid_subset_size=5, verbose=False)
    assert value["is_mean"] == pytest.approx(isc["inception_score_mean"], rel=1e-4)
    assert value["is_std"] == pytest.approx(isc["inception_score_std"], rel=1e-4)
    assert (value["precision"], value["recall"]) == pytest.approx((prc["precision"], prc["recall"]), rel=1e-4)
    assert value["kid"] == pytest.approx(kid["kernel_inception_distance_mean"], rel=1e-4)
    assert 0 < value["precision"] + value["recall"] < 2


def test_fid_is_torch_fidelitys(ours, theirs):
    (real, _), (fake, _) = theirs
    some = slice(0, 2048, 4)  # their eigenvalues of all 2,048 take half a minute
    statistics = [fid_features_to_statistics(x[:, some].double()) for x in (fake, real)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(ours.real[:, some], ours.fake[:, some]) == pytest.approx(expected, rel=1e-4)


def test_fid_of_the_same_images_is_zero(ours):
    assert frechet_distance(ours.real, ours.real) == pytest.approx(0, abs=1e-3)
