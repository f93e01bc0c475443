"""A step down a loss or gradient that is not finite is not taken, whichever paper asks for it."""

import copy
import re
from functools import partial

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import nn

from lightning_cgan.batches import ImageSpec
from lightning_cgan.errors import NonFiniteError
from lightning_cgan.finite import check_trained, not_finite
from lightning_cgan.networks import dcgan
from lightning_cgan.optimize import optimise_pixels
from lightning_cgan.papers.gan import GAN
from tests.conftest import REPOSITORY, same
from tests.papers.steps import train

STEPS_ELSEWHERE = {  # whose networks are looked at when they are trained, because they only score
    "lightning_cgan/metrics/classification.py",
    "lightning_cgan/metrics/gan_train.py",
}


def test_every_backward_pass_of_a_training_goes_through_the_check():
    written = [path for place in ("lightning_cgan", "datamodules") for path in (REPOSITORY / place).rglob("*.py")]
    files = {str(path.relative_to(REPOSITORY)): path.read_text() for path in written}
    found = {name for name, text in files.items() if re.search(r"\.(manual_)?backward\(", text)}
    assert found == {"lightning_cgan/optimize.py", *STEPS_ELSEWHERE}
    assert all("check_trained(" in files[name] for name in STEPS_ELSEWHERE)


class Spoils(Callback):
    """In update ``update``, counted from 0, the images, or the loss or a gradient of optimizer step ``step``."""

    def __init__(self, value, what, step=0, update=1):
        self.value, self.what, self.step, self.update = value, what, step, update

    def on_train_batch_start(self, trainer, module, batch, *_):
        self.steps = 0
        self.mine = trainer.fit_loop.total_batch_idx + 1 == self.update + 1
        if self.mine and self.what == "images":
            batch.image.fill_(self.value)

    def on_before_backward(self, trainer, module, loss):
        if self.mine and self.steps == self.step and self.what == "loss":
            with torch.no_grad():
                loss.fill_(self.value)

    def on_after_backward(self, trainer, module):
        if self.mine and self.steps == self.step:
            self.before = copy.deepcopy([module.state_dict(), *(one.state_dict() for one in trainer.optimizers)])
            if self.what == "gradient":
                weight = next(weight for weight in module.parameters() if weight.requires_grad)
                weight.grad.view(-1)[0] = self.value
        self.steps += 1


def gan():
    spec = ImageSpec(1, 16)
    return GAN(spec, partial(dcgan.Generator, width=4, latent_dim=5), partial(dcgan.Discriminator, width=4))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("what", ["loss", "gradient"])
@pytest.mark.parametrize(("step", "network"), [(0, "discriminator"), (1, "generator")])
def test_the_step_is_not_taken_and_the_error_says_where(value, what, step, network):
    spoils, model = Spoils(value, what, step), gan()
    with pytest.raises(NonFiniteError, match=rf"update 2: the {what} of the {network} is .*not taken") as raised:
        train(model, updates=3, callbacks=[spoils])
    assert raised.value.found["update"] == 2
    assert raised.value.found["network"] == network
    after = [model.state_dict(), *(one.state_dict() for one in model.trainer.optimizers)]
    assert same(spoils.before, after)


@pytest.mark.parametrize(("what", "raises"), [("gradient", False), ("images", True)])
def test_with_a_loss_scaler_overflowing_gradients_are_left_to_it_and_a_loss_is_not(what, raises):
    plugin = MixedPrecision("16-mixed", "cpu", scaler=torch.amp.GradScaler("cpu"))
    spoils, model = Spoils(float("inf"), what), gan()
    model.generator_optimizer = model.discriminator_optimizer = partial(torch.optim.Adam, lr=1e-3)
    if raises:
        with pytest.raises(NonFiniteError, match="the loss of the discriminator"):
            train(model, updates=3, callbacks=[spoils], plugins=[plugin])
        return
    train(model, updates=3, callbacks=[spoils], plugins=[plugin])
    assert not list(not_finite(model.state_dict()))
    assert plugin.scaler.get_scale() < 65536


def test_a_gradient_that_the_smallest_scale_does_not_save_is_not_left_to_the_scaler():
    plugin = MixedPrecision("16-mixed", "cpu", scaler=torch.amp.GradScaler("cpu", init_scale=2.0**-14))
    model = gan()
    model.generator_optimizer = model.discriminator_optimizer = partial(torch.optim.Adam, lr=1e-3)
    with pytest.raises(NonFiniteError):
        train(model, updates=3, callbacks=[Spoils(float("inf"), "gradient")], plugins=[plugin])


def test_pixels_that_come_to_nan_are_no_picture():
    def loss(image):
        return (image - 2).sqrt().sum()

    with pytest.raises(NonFiniteError, match="loss at step 0 of 3 is nan"):
        optimise_pixels(torch.zeros(1, 3, 4, 4), loss, partial(torch.optim.Adam, lr=0.1), 3)


def test_a_network_that_is_to_score_others_must_be_finite():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    check_trained(network, "The classifier")
    network[1].running_var[0] = torch.inf
    with pytest.raises(NonFiniteError, match=r"The classifier has NaN or infinity in 1\.running_var"):
        check_trained(network, "The classifier")
