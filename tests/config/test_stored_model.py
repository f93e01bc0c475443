import pytest
import torch

from lightning_cgan import build
from lightning_cgan.papers.gan import GAN
from lightning_cgan.papers.wgan import WGAN
from tests.conftest import DIGITS, TINY, same
from tests.experiments.tiny import model_flags

PAPERS = [
    "acgan/digits",
    "cgan/ring",
    "classifier/digits",
    "cyclegan/facades",
    "discogan/gaussians",
    "features/photos",
    "gan/ring",
    "perceptual_super_resolution/photos",
    "pix2pix/facades",
    "pose_regressor/poses",
    "progan/digits",
    "projection/digits",
    "projection/digits_super_resolution",
    "segmenter/facades",
    "sgan/digits",
    "sgan/digits_supervised",
    "srgan/photos",
    "srresnet/photos",
    "style_transfer/photos",
    "wgan/ring",
    "wgan_gp/ring",
]


def saved(model, path):
    """A checkpoint of ``model`` as ``fit`` writes it."""
    content = {"state_dict": model.state_dict(), "hyper_parameters": dict(model.hparams), "global_step": 1}
    model.on_save_checkpoint(content)
    torch.save(content, path)
    return path


@pytest.fixture
def ring(tmp_path):
    """A checkpoint of a small GAN."""
    return saved(build("experiments/gan/ring.yaml")[0], tmp_path / "ring.ckpt")


@pytest.mark.parametrize("file", PAPERS)
def test_every_model_loads_from_its_checkpoint_without_being_told_anything(tmp_path, file):
    narrow = [flag for flag in TINY if flag.startswith("--model")] if f"experiments/{file}.yaml" == DIGITS else []
    model, _ = build(f"experiments/{file}.yaml", *narrow, *model_flags(file))
    loaded = type(model).load_from_checkpoint(saved(model, tmp_path / "x.ckpt"))
    assert type(loaded) is type(model)
    assert same(dict(loaded.state_dict()), dict(model.state_dict()))
    assert loaded.training


def test_arguments_can_be_set_otherwise_and_unknown_ones_are_refused(ring):
    assert GAN.load_from_checkpoint(ring, r1_weight=0.5).r1_weight == 0.5
    assert GAN.load_from_checkpoint(str(ring), map_location="cpu", strict=False, weights_only=True).spec.channels == 2
    with pytest.raises(ValueError, match=r"model\.init_args\.r1_weigth is not accepted"):
        GAN.load_from_checkpoint(ring, r1_weigth=0.5)


def test_a_checkpoint_of_another_class_is_refused(ring):
    with pytest.raises(ValueError, match=r"got one of GAN for WGAN. Call GAN\.load_from_checkpoint"):
        WGAN.load_from_checkpoint(ring)


def test_what_would_unpickle_is_refused(ring):
    with pytest.raises(ValueError, match="weights_only=False"):
        GAN.load_from_checkpoint(ring, weights_only=False)
    with pytest.raises(ValueError, match=r"hparams\.yaml"):
        GAN.load_from_checkpoint(ring, hparams_file="hparams.yaml")
    with pytest.raises(ValueError, match="Download it"):
        GAN.load_from_checkpoint("https://example.org/ring.ckpt")


def test_weights_of_other_shapes_are_refused_in_plain_words(ring):
    narrow = {"class_path": "lightning_cgan.networks.mlp.Generator", "init_args": {"width": 7}}
    with pytest.raises(ValueError, match="must hold the weights of the model"):
        GAN.load_from_checkpoint(ring, generator=narrow)
