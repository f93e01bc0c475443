import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from datamodules.digits import split_digits
from lightning_cgan.metrics.extractors import DigitsClassifier, InceptionV3, seen_by
from lightning_cgan.metrics.scores import frechet_distance


class Untrained(FeatureExtractorInceptionV3):
    """torch-fidelity's Inception as constructed, whatever the weights file holds."""

    def load_state_dict(self, *_, **__):
        pass


@pytest.fixture(scope="session")
def inception_weights(tmp_path_factory):
    """A weights file in torch-fidelity's format, with random content."""
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save({}, path)
    torch.manual_seed(0)
    torch.save(Untrained("x", ["2048"], feature_extractor_weights_path=str(path)).state_dict(), path)
    return str(path)


def test_the_shipped_classifier_knows_the_test_digits():
    extractor, test = DigitsClassifier(), split_digits(16)["test"]
    accuracy = (seen_by(extractor, test.image).logits.argmax(1) == test.label).double().mean()
    assert accuracy >= 0.975


@pytest.mark.parametrize("size", [8, 32])
def test_it_knows_them_at_every_size(size):
    extractor, test = DigitsClassifier(), split_digits(size)["test"]
    accuracy = (seen_by(extractor, test.image).logits.argmax(1) == test.label).double().mean()
    assert accuracy >= 0.975


def test_features_are_in_full_precision_also_where_a_run_is_not():
    extractor, image = DigitsClassifier(), split_digits(16)["val"].image
    expected = seen_by(extractor, image).features
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(seen_by(extractor, image).features, expected)


def test_its_weights_are_small():
    from importlib.resources import files

    assert (files("lightning_cgan.metrics") / "weights" / "digits.safetensors").stat().st_size < 400_000


def test_its_distance_rises_when_variety_is_lost_a_class_is_dropped_or_images_are_blurred():
    extractor, splits = DigitsClassifier(), split_digits(16)
    train, label = splits["train"].image, splits["train"].label
    real = seen_by(extractor, splits["test"].image).features

    def distance(image):
        return frechet_distance(real, seen_by(extractor, image).features)

    floor = distance(train)
    blurred = torch.nn.functional.avg_pool2d(train.float(), 3, 1, 1).to(torch.uint8)
    one_each = torch.stack([train[label == c][0] for c in range(10)]).repeat(100, 1, 1, 1)
    assert 1 < floor < 5
    assert distance(train[label < 9]) > 4 * floor
    assert distance(train[label < 8]) > distance(train[label < 9])
    assert distance(blurred) > 4 * floor
    assert distance(one_each) > 10 * floor


def test_colour_images_are_refused_by_the_digits_classifier():
    with pytest.raises(ValueError, match=r"one grey channel; met images with 3. Set the extractor"):
        DigitsClassifier()(torch.zeros(1, 3, 16, 16, dtype=torch.uint8))


def test_inception_features_equal_torch_fidelitys_bit_for_bit(inception_weights):
    image = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    outputs = ["2048", "logits_unbiased"]  # the Inception Score of the papers leaves the bias out
    theirs = FeatureExtractorInceptionV3("x", outputs, feature_extractor_weights_path=inception_weights)(image)
    ours = seen_by(InceptionV3(inception_weights), image)
    assert torch.equal(ours.features, theirs[0])
    assert torch.equal(ours.logits, theirs[1])


def test_torchmetrics_default_resize_is_another_protocol(inception_weights):
    from torchmetrics.image.fid import FrechetInceptionDistance

    image = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    ours = seen_by(InceptionV3(inception_weights), image).features
    same, different = (
        FrechetInceptionDistance(2048, feature_extractor_weights_path=inception_weights, antialias=antialias)
        for antialias in (False, True)
    )
    assert torch.equal(same.inception(image), ours)
    assert not torch.equal(different.inception(image), ours)


def test_grey_images_reach_inception_as_colour(inception_weights):
    grey = torch.randint(256, (2, 1, 16, 16), dtype=torch.uint8)
    extractor = InceptionV3(inception_weights)
    assert torch.equal(seen_by(extractor, grey).features, seen_by(extractor, grey.expand(-1, 3, -1, -1)).features)


def test_missing_or_foreign_inception_weights_are_answered_with_the_command_to_get_them(tmp_path):
    with pytest.raises(ValueError, match=r"there is no file .*Run `python -m lightning_cgan.metrics.fetch_inception"):
        InceptionV3(str(tmp_path / "none.pth"))
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other.pth is not a file of them. Delete it"):
        InceptionV3(str(tmp_path / "other.pth"))
