import pytest
import torch

from datamodules.embedded.digits import split_digits
from lightning_cgan.extractors.extractors import DigitsClassifier, extract
from lightning_cgan.metrics.distribution.all_scores import frechet_distance


def test_the_shipped_classifier_knows_the_test_digits():
    extractor, test = DigitsClassifier(), split_digits(16)["test"]
    accuracy = (extract(extractor, test.image).logits.argmax(1) == test.label).double().mean()
    assert accuracy >= 0.975


@pytest.mark.parametrize("size", [8, 32])
def test_it_knows_them_at_every_size(size):
    extractor, test = DigitsClassifier(), split_digits(size)["test"]
    accuracy = (extract(extractor, test.image).logits.argmax(1) == test.label).double().mean()
    assert accuracy >= 0.975


def test_features_are_in_full_precision_also_where_a_run_is_not():
    extractor, image = DigitsClassifier(), split_digits(16)["val"].image
    expected = extract(extractor, image).features
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(extract(extractor, image).features, expected)


def test_its_weights_are_small():
    from importlib.resources import files

    assert (files("lightning_cgan.extractors") / "weights" / "digits.safetensors").stat().st_size < 400_000


def test_its_distance_rises_when_variety_is_lost_a_class_is_dropped_or_images_are_blurred():
    extractor, splits = DigitsClassifier(), split_digits(16)
    train, label = splits["train"].image, splits["train"].label
    real = extract(extractor, splits["test"].image).features

    def distance(image):
        return frechet_distance(real, extract(extractor, image).features)

    floor = distance(train)
    blurred = torch.nn.functional.avg_pool2d(train.float(), 3, 1, 1).to(torch.uint8)
    one_each = torch.stack([train[label == c][0] for c in range(10)]).repeat(100, 1, 1, 1)
    assert 1 < floor < 5
    assert distance(train[label < 9]) > 4 * floor
    assert distance(train[label < 8]) > distance(train[label < 9])
    assert distance(blurred) > 4 * floor
    assert distance(one_each) > 10 * floor


def test_colour_images_are_refused_by_the_digits_classifier():
    with pytest.raises(ValueError, match=r"images of one channel; got 3. Set the extractor"):
        DigitsClassifier()(torch.zeros(1, 3, 16, 16, dtype=torch.uint8))
