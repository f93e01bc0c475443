import pytest
import torch

import lightning_cgan
from datamodules.embedded.digits import Digits
from lightning_cgan import build, load
from lightning_cgan.papers.projection import ProjectionGAN
from tests.conftest import DIGITS, TINY, same

MODEL_AND_DATA = [flag for flag in TINY if not flag.startswith("--trainer")]


def test_build_gives_what_the_command_line_would_without_reading_an_image():
    model, data = build(DIGITS, "--model.init_args.n_critic=7", "--data.init_args.size=32")
    assert isinstance(model, ProjectionGAN)
    assert isinstance(data, Digits)
    assert (model.n_critic, model.spec, data.spec.size) == (7, data.spec, 32)
    assert data.sources == {}


def test_build_starts_from_the_weights_of_the_command_line(run, state):
    assert run("fit", "--model.init_args.generator_optimizer.init_args.lr=0",
               "--model.init_args.discriminator_optimizer.init_args.lr=0", steps=1) == 0  # fmt: skip
    model, _ = build(DIGITS, *MODEL_AND_DATA)
    trained = state()["state_dict"]
    assert all(torch.equal(value, trained[name]) for name, value in model.named_parameters())


def test_build_refuses_what_the_command_line_refuses():
    with pytest.raises(ValueError, match="nearest valid name is n_critic"):
        build(DIGITS, "--model.init_args.n_criti=7")


def test_a_checkpoint_loads_without_being_told_what_it_is(run, state, tmp_path):
    assert run("fit", steps=2) == 0
    model = load(tmp_path / "run" / "last.ckpt")
    assert isinstance(model, ProjectionGAN)
    assert not model.training
    assert same(dict(model.state_dict()), state()["state_dict"])
    images = model.sample(3, label=[1, 2, 3], seed=4)
    assert images.shape == (3, 1, 16, 16)
    assert torch.equal(images, load(str(tmp_path / "run" / "last.ckpt")).sample(3, label=[1, 2, 3], seed=4))


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    torch.save({"weights": 1}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match="broken or from elsewhere"):
        load(tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match="there is no"):
        load(tmp_path / "y.ckpt")


def test_the_package_names_only_what_it_has():
    with pytest.raises(AttributeError):
        _ = lightning_cgan.nothing
