from importlib.resources import files

import pytest
import torch
from torchvision.models import vgg16, vgg19
from torchvision.transforms.functional import normalize

from datamodules.embedded.photo_crops import PhotoIdentity
from lightning_cgan.batches import ImageSpec, to_signed
from lightning_cgan.extractors.perceptual import (
    DEVIATION,
    MEAN,
    PhotoPatches,
    PhotoPatchesEval,
    VGGFeatures,
    WithColours,
    layer_names,
    tap_places,
)
from lightning_cgan.extractors.photo_patches import PatchTraining, recoloured
from lightning_cgan.extractors.weights_registry import sha256_of

TAPS = {  # torchvision's places after ReLU
    vgg16: {"relu1_2": 3, "relu2_2": 8, "relu3_3": 15, "relu4_3": 22},
    vgg19: {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 20, "relu4_2": 22, "relu5_1": 29, "relu5_4": 35},
}


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    """A file with the lowest layers of a VGG-16 at random and nothing in the others, and its hash."""
    path = tmp_path_factory.mktemp("weights") / "vgg16.pth"
    torch.manual_seed(0)
    with torch.device("meta"):
        held = {name: value.shape for name, value in vgg16().state_dict().items()}
    low = ("features.0.", "features.2.", "features.5.")
    weights = {
        name: torch.randn(shape) / 10 if name.startswith(low) else torch.zeros(1).expand(shape)
        for name, shape in held.items()
    }
    torch.save(weights, path)
    return str(path), sha256_of(path), weights


@pytest.mark.parametrize("build", TAPS)
def test_layers_are_called_as_in_the_papers(build):
    with torch.device("meta"):
        names = layer_names(build().features)
    assert {name: names[name] for name in TAPS[build]} == TAPS[build]


def test_taps_are_those_of_torchvisions_network_on_normalised_images(vgg):
    path, sha256, weights = vgg
    taps = ("conv1_1", "relu1_2", "relu2_1")
    features = VGGFeatures("vgg16", path, taps, sha256=sha256)
    image = torch.rand(2, 3, 12, 10) * 2 - 1
    hidden, expected = normalize((image + 1) / 2, MEAN, DEVIATION), []
    for place in (0, 2, 5):
        hidden = torch.nn.functional.conv2d(
            hidden, weights[f"features.{place}.weight"], weights[f"features.{place}.bias"], padding=1
        )
        expected.append(hidden)
        hidden = hidden.relu()
        expected.append(hidden)
        hidden = torch.nn.functional.max_pool2d(hidden, 2) if place == 2 else hidden
    for tap, known in zip(features(image), (expected[0], expected[3], expected[5]), strict=True):
        assert torch.allclose(tap, known, atol=1e-5)


def test_averages_can_be_pooled(vgg):
    path, sha256, _ = vgg
    image = torch.rand(1, 3, 8, 8) * 2 - 1
    peak, mean = (VGGFeatures("vgg16", path, ("relu2_1",), average, sha256) for average in (False, True))
    assert not torch.allclose(peak(image)[0], mean(image)[0])


def test_a_feature_network_is_frozen_and_gives_the_image_a_gradient(vgg):
    for network in (VGGFeatures("vgg16", vgg[0], ("relu1_2",), sha256=vgg[1]), PhotoPatches(), PhotoPatchesEval()):
        image = torch.rand(1, 3, 16, 16, requires_grad=True)
        sum(tap.sum() for tap in network(image)).backward()
        assert image.grad.abs().sum() > 0
        assert not network.training
        assert not any(weight.requires_grad for weight in network.parameters())


@pytest.mark.parametrize("taps", [("relu1_3",), (), ("relu2_2", "relu1_2"), ("relu1_2", "relu1_2")])
def test_taps_that_there_are_not_or_in_another_order_are_refused(taps):
    with torch.device("meta"):
        layers = vgg16().features
    with pytest.raises(ValueError, match=r"relu1_1, relu1_2, relu2_1.*lowest first; got .*Set the feature.*taps"):
        tap_places(layers, taps)


def test_missing_weights_are_refused_with_the_command_that_fetches_them():
    with pytest.raises(ValueError, match=r"no file there/x.pth. Run `lightning-cgan features fetch vgg19 --to there`"):
        VGGFeatures("vgg19", "there/x.pth")


def test_other_weights_are_refused(vgg, tmp_path):
    with pytest.raises(ValueError, match=r"with the hash 397923.* with [0-9a-f]{64}. Run .* init_args.sha256"):
        VGGFeatures("vgg16", vgg[0])
    (tmp_path / "none.pth").write_bytes(b"<html>")
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "small.pth")
    for name, why in {"none.pth": "which is not a state dict", "small.pth": "which holds another network"}.items():
        with pytest.raises(ValueError, match=rf"{name}, {why}. Run `lightning-cgan"):
            VGGFeatures("vgg16", str(tmp_path / name), sha256=sha256_of(tmp_path / name))


@pytest.mark.parametrize("kind", [PhotoPatches, PhotoPatchesEval])
def test_the_shipped_networks_know_the_photographs_in_other_light_too(kind):
    """By the nearest of the photographs' mean features; the head of the training is not shipped."""
    network, data = kind(), PhotoIdentity(each=12)
    torch.manual_seed(0)

    def seen(split):
        source = data.source(split)
        image = to_signed(data.reference_images(split).at(torch.arange(len(source.label))))
        with torch.no_grad():
            return network(recoloured(image))[-1].mean((-1, -2)), source.label

    (known, label), (asked, truth) = seen("train"), seen("test")
    centre = torch.stack([known[label == one].mean(0) for one in label.unique()])
    assert (torch.cdist(asked, centre).argmin(1) == truth).double().mean() > 0.6


@pytest.mark.parametrize("name", ["photo_patches.safetensors", "photo_patches_eval.safetensors"])
def test_their_weights_are_small(name):
    assert (files("lightning_cgan.extractors") / "weights" / name).stat().st_size < 2_000_000


def test_losses_and_scores_use_different_networks():
    for_losses, for_scores = PhotoPatches(), PhotoPatchesEval()
    assert [tap.shape[1] for tap in for_losses(torch.zeros(1, 3, 16, 16))] == [24, 48, 72, 72]
    assert [tap.shape[2] for tap in for_scores(torch.zeros(1, 3, 16, 16))] == [16, 8, 4, 2]
    assert for_losses.sha256 != for_scores.sha256


def test_photographs_lose_their_light_and_their_colours():
    image = torch.rand(64, 3, 4, 4) * 2 - 1
    torch.manual_seed(0)
    other = recoloured(image, strength=0.0)
    spread, before = (batch.std(1).mean((1, 2)) for batch in (other, image))
    assert 10 < (spread < 1e-6).sum() < 32  # about a third is grey
    assert (spread <= before + 1e-6).all()
    assert recoloured(image, strength=0.5).abs().max() <= 1


def test_colours_of_areas_are_one_more_tap():
    plain, beside = PhotoPatches(), WithColours(PhotoPatches, area=4, gain=2.0)
    image = torch.rand(1, 3, 16, 25) * 2 - 1
    *taps, colours = beside(image)
    assert all(torch.equal(tap, known) for tap, known in zip(taps, plain(image), strict=True))
    assert colours.shape == (1, 3, 4, 7)
    assert torch.allclose(colours[0, :, 1, 2], 2 * image[0, :, 4:8, 8:12].mean((1, 2)), atol=1e-6)
    assert beside.name == "photo-patches, colours 2"
    assert not any(weight.requires_grad for weight in beside.parameters())


def test_the_colours_of_a_patch_can_be_read_off_its_taps():
    training = PatchTraining(ImageSpec(3, 16, 4), width=2)
    image = torch.rand(2, 3, 16, 16)
    taps = training.network(image)
    for map_, colour in zip(training.colours, (0.1, 0.2, 0.3, 0.4), strict=True):
        torch.nn.init.zeros_(map_.weight)
        torch.nn.init.constant_(map_.bias, colour)
    expected = [(torch.nn.functional.avg_pool2d(image, 2**k) - (k + 1) / 10).square().mean().item() for k in range(4)]
    assert training.colour_error(taps, image).item() == pytest.approx(sum(expected) / 4)
