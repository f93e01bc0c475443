from pathlib import Path

import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.feature_extractor_vgg16 import FeatureExtractorVGG16
from torchvision.models import vgg16

from lightning_cgan.extractors.extractors import (
    VGG16,
    DigitsClassifier,
    DINOv2,
    Extractor,
    InceptionV3,
    Transformer,
    extract,
)
from lightning_cgan.extractors.resizing import Resize, pictured
from lightning_cgan.extractors.weights_registry import PINNED, sha256_of
from tests.metrics.transformers import published


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


@pytest.fixture(scope="session")
def inception(inception_weights):
    """The extractor with random weights."""
    return InceptionV3(inception_weights, sha256=sha256_of(Path(inception_weights)))


@pytest.fixture(scope="session")
def vgg_weights(tmp_path_factory):
    """A weights file in torchvision's format; each layer but the first repeats one random column, to be small."""
    path = tmp_path_factory.mktemp("weights") / "vgg16.pth"
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in vgg16().state_dict().items()}
    stream = torch.Generator().manual_seed(0)
    weights = {}
    for name, shape in shapes.items():
        column = torch.rand(shape[0], *[1] * (len(shape) - 1), generator=stream) / shape[1:].numel()
        weights[name] = column.expand(shape)
    weights["features.0.weight"] = torch.randn(shapes["features.0.weight"], generator=stream)
    torch.save(weights, path)
    return str(path)


def bytes_of(*shape):
    return torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_inception_features_equal_torch_fidelitys_bit_for_bit(inception, inception_weights):
    outputs = ["2048", "logits_unbiased"]  # the Inception Score of the papers leaves the bias out
    theirs = FeatureExtractorInceptionV3("x", outputs, feature_extractor_weights_path=inception_weights)
    for image in (bytes_of(2, 3, 32, 32), bytes_of(1, 3, 310, 305)):
        features, logits = theirs(image)
        ours = extract(inception, image)
        assert torch.equal(ours.features, features)
        assert torch.equal(ours.logits, logits)


def test_torchmetrics_default_resize_is_another_protocol(inception, inception_weights):
    from torchmetrics.image.fid import FrechetInceptionDistance

    image = bytes_of(2, 3, 32, 32)
    same, different = (
        FrechetInceptionDistance(2048, feature_extractor_weights_path=inception_weights, antialias=antialias)
        for antialias in (False, True)
    )
    assert torch.equal(same.inception(image), extract(inception, image).features)
    assert not torch.equal(different.inception(image), extract(inception, image).features)


def test_another_resize_gives_other_features_and_stands_on_the_card(inception, inception_weights):
    image, sha256 = bytes_of(1, 3, 32, 32), sha256_of(Path(inception_weights))
    other = InceptionV3(inception_weights, Resize.PIL_BILINEAR, sha256)
    assert (inception.resize, other.resize) == ("TensorFlow 1 bilinear to 299x299", "PIL bilinear to 299x299")
    assert not torch.equal(extract(other, image).features, extract(inception, image).features)
    assert other.sha256 == inception.sha256 == sha256


@pytest.mark.filterwarnings("ignore:.*no-op")
def test_vgg_features_equal_torch_fidelitys_bit_for_bit(vgg_weights):
    ours, image = VGG16(vgg_weights, sha256_of(Path(vgg_weights))), bytes_of(2, 3, 32, 48)
    with torch.device("meta"):  # its own initial weights take seconds
        theirs = FeatureExtractorVGG16("x", ["fc2_relu"], feature_extractor_weights_path=vgg_weights)
    theirs.model.load_state_dict(ours.network.state_dict(), assign=True)
    assert torch.equal(extract(ours, image).features, theirs(image)[0])
    assert ours.resize == "TensorFlow 1 bilinear to 224x224"
    assert extract(ours, image).logits.shape == (2, 0)


@pytest.fixture(scope="session")
def dino_weights(tmp_path_factory):
    """A weights file in DINOv2's format, of one block with random content."""
    path = tmp_path_factory.mktemp("weights") / "dino.pth"
    torch.save(published(depth=1, width=64), path)
    return str(path)


@pytest.fixture(scope="session")
def dino(dino_weights):
    """The extractor with random weights."""
    return DINOv2(Transformer.VIT_S, dino_weights, sha256_of(Path(dino_weights)))


def test_dinov2_names_its_network_and_its_resize(dino):
    seen = extract(dino, bytes_of(2, 3, 16, 16))
    assert (dino.name, dino.resize) == ("dinov2-vit-s-14", "PIL bicubic to 224x224")
    assert (seen.features.shape, seen.logits.shape) == ((2, 64), (2, 0))


def test_dinov2_sees_what_a_picture_file_of_its_size_would_hold(dino):
    image = bytes_of(2, 3, 16, 16)
    picture = pictured(image, 224).to(torch.uint8)
    assert torch.equal(extract(dino, image).features, extract(dino, picture).features)


def test_dinov2_sees_colours_with_imagenets_mean_as_zero(dino):
    mean = torch.tensor([0.485, 0.456, 0.406]).mul(255).round().to(torch.uint8)[:, None, None].expand(1, 3, 224, 224)
    with torch.no_grad():
        expected = dino.network(torch.zeros(1, 3, 224, 224))
    assert torch.allclose(extract(dino, mean).features, expected, atol=0.02)
    assert not torch.allclose(extract(dino, mean.flip(1)).features, expected, atol=0.02)


@pytest.mark.parametrize("name", ["inception", "dino"])
def test_features_are_of_the_image_alone_in_full_precision_and_without_gradients(request, name):
    extractor, image = request.getfixturevalue(name), bytes_of(3, 3, 16, 16)
    features, logits = extract(extractor, image)
    order = torch.tensor([2, 0, 1])
    assert torch.allclose(extract(extractor, image[order]).features, features[order], rtol=1e-5, atol=1e-6)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(extract(extractor, image).features, features)
    assert features.dtype == logits.dtype == torch.float32
    assert not features.requires_grad


@pytest.mark.parametrize("name", ["inception", "dino"])
def test_grey_images_are_seen_as_colour(request, name):
    extractor, grey = request.getfixturevalue(name), bytes_of(1, 1, 16, 16)
    assert torch.equal(extract(extractor, grey).features, extract(extractor, grey.expand(-1, 3, -1, -1)).features)


def test_images_that_are_not_bytes_are_refused(dino):
    for image in (torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16).half()):
        with pytest.raises(ValueError, match=r"as in an image file; got torch.float.*Convert"):
            extract(dino, image)


def test_building_an_extractor_draws_nothing(inception_weights, vgg_weights, dino_weights):
    before = torch.get_rng_state()
    for build, path in ((InceptionV3, inception_weights), (VGG16, vgg_weights), (DINOv2, dino_weights)):
        build(weights=path, sha256=sha256_of(Path(path)))
    DigitsClassifier()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (InceptionV3, "inception"),
        (VGG16, "vgg16"),
        (lambda weights: DINOv2(weights=weights), "dinov2-vit-l-14"),
        (lambda weights: DINOv2(Transformer.VIT_G, weights), "dinov2-vit-g-14"),
    ],
)
def test_missing_and_other_weights_are_answered_with_the_command_that_brings_them(tmp_path, build, name):
    with pytest.raises(ValueError, match=rf"no file .*Run `lightning-cgan features fetch {name} --to {tmp_path}`"):
        build(str(tmp_path / "none.pth"))
    (tmp_path / "other.pth").write_bytes(b"<html>")
    told = (
        rf"hash {PINNED[name].sha256}; got .* with {sha256_of(tmp_path / 'other.pth')}. Run .*{name}.*init_args.sha256"
    )
    with pytest.raises(ValueError, match=told):
        build(str(tmp_path / "other.pth"))


def test_weights_of_another_network_are_refused_even_when_their_hash_is_asked_for(tmp_path, inception_weights):
    path = tmp_path / "other.pth"
    for content in ({"a": torch.zeros(1)}, [1, 2], torch.zeros(2)):
        torch.save(content, path)
        for build in (InceptionV3, VGG16, DINOv2):
            with pytest.raises(
                ValueError, match=r"network's state dict; .*other.pth, which is another file. Run `lightning-cgan"
            ):
                build(weights=str(path), sha256=sha256_of(path))


def test_a_file_that_would_run_code_when_unpickled_does_not(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({"a": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(ValueError, match=r"network's state dict"):
        InceptionV3(str(tmp_path / "trap.pth"), sha256=sha256_of(tmp_path / "trap.pth"))
    assert not (tmp_path / "ran").exists()


def test_coarse_products_that_a_run_allows_itself_are_not_in_features():
    class Asked(Extractor):
        def forward(self, image):
            return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32

    torch.set_float32_matmul_precision("medium")
    try:
        assert extract(Asked(), bytes_of(1, 3, 4, 4)) == ("highest", False)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
