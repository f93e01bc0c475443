from importlib.resources import files

import pytest
import torch
from safetensors.torch import save_file

from lightning_cgan.extractors.extractors import extract
from lightning_cgan.extractors.segmenter import (
    SegmenterFeatures,
    SegmenterNetwork,
    TrainedSegmenter,
    segment,
)


@pytest.fixture
def weights(tmp_path):
    """The path of a weights file of a small segmenter of five classes of grey pictures."""
    torch.manual_seed(0)
    network = SegmenterNetwork(1, 5, 4)
    network(torch.randn(8, 1, 16, 16))  # so that batch norm has statistics
    save_file(network.state_dict(), tmp_path / "own.safetensors")
    return tmp_path / "own.safetensors"


def grey(count=3, height=16, width=16):
    stream = torch.Generator().manual_seed(1)
    return torch.randint(256, (count, 1, height, width), dtype=torch.uint8, generator=stream)


@pytest.mark.parametrize("shape", [(16, 16), (17, 30), (8, 40), (5, 3)])
def test_every_pixel_of_a_picture_of_any_size_gets_logits(shape):
    network = SegmenterNetwork(3, 6, 4).eval()
    assert network(torch.zeros(2, 3, *shape)).shape == (2, 6, *shape)
    assert network(torch.zeros(0, 3, *shape)).shape == (0, 6, *shape)


def test_every_parameter_learns():
    network = SegmenterNetwork(3, 6, 4)
    network(torch.randn(2, 3, 16, 16)).square().sum().backward()
    unmoved = [name for name, one in network.named_parameters() if one.grad is None or not one.grad.abs().sum()]
    assert unmoved == []


def test_sides_that_do_not_divide_are_filled_with_the_edge():
    torch.manual_seed(0)
    network = SegmenterNetwork(3, 6, 4).eval()
    image = torch.randn(1, 3, 16, 20)
    filled = torch.cat([image, image[..., -1:].expand(-1, -1, -1, 4)], -1)
    assert torch.equal(network(image), network(filled)[..., :20])


def test_a_segmenter_is_read_from_the_file_that_its_training_left(weights):
    segmenter = TrainedSegmenter(str(weights), "mine")
    assert (segmenter.name, segmenter.classes, len(segmenter.sha256)) == ("mine", 5, 64)
    assert not segmenter.training
    assert not any(parameter.requires_grad for parameter in segmenter.parameters())
    assert segmenter(grey()).shape == (3, 5, 16, 16)


def test_decisions_are_in_full_precision_and_do_not_depend_on_the_batch(weights, monkeypatch):
    segmenter = TrainedSegmenter(str(weights))
    expected = segmenter(grey()).argmax(1)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(segment(segmenter, grey()), expected)
    monkeypatch.setattr("lightning_cgan.extractors.segmenter.PIXELS", 1)
    assert torch.equal(segment(segmenter, grey()), expected)
    assert segment(segmenter, grey(0)).shape == (0, 16, 16)


def test_pictures_of_other_channels_are_refused(weights):
    with pytest.raises(ValueError, match=r"needs images of 1 channels; got 3. Set the segmenter"):
        TrainedSegmenter(str(weights))(grey().expand(-1, 3, -1, -1))


def test_a_missing_or_foreign_weights_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"missing or another file. Train one"):
        TrainedSegmenter(str(tmp_path / "none.safetensors"))
    save_file({"x": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"set the segmenter's init_args.weights"):
        TrainedSegmenter(str(tmp_path / "other.safetensors"))


def test_features_are_means_over_places_and_say_whose_they_are(weights):
    segmenter = TrainedSegmenter(str(weights), "mine")
    extractor = SegmenterFeatures(segmenter)
    features, logits = extract(extractor, grey())
    assert features.shape[0] == 3
    assert logits.shape == (3, 0)
    assert (extractor.name, extractor.sha256) == ("mine-features", segmenter.sha256)
    assert extract(extractor, grey(2, 24, 40)).features.shape == (2, features.shape[1])


def test_the_shipped_weights_are_small():
    path = files("lightning_cgan.extractors") / "weights" / "facades_segmenter.safetensors"
    assert path.stat().st_size < 2_000_000
