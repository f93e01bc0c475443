"""Watches a run for collapse, divergence and a discriminator that has won, and says so in plain words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.diagnosis import CLASS, GRADIENT, KEPT, VARIANCE, HealthSample, check_health
from lightning_cgan.callbacks.scores.card import commit
from lightning_cgan.console import info
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import data_facts, facts_of
from lightning_cgan.runs.files import read_json, tolerated, write_json

FINEST = 8  # pixels along a side of the images whose variance is taken


class Health(Callback):
    """Every few hundred generator updates, a few cheap signals of how the run fares, and a warning where one is bad.

    Logged are ``health/grad_norm_g`` and ``health/grad_norm_d``, the norms of the networks' last gradients, and
    ``health/grad_norm_ratio``, the first over the second; ``health/variance``, the total variance of a fixed set of
    generated images over that of real ones, both brought to 8x8 pixels; and where a class was asked for,
    ``health/variance_class_0`` and so on, the same inside a class. With the module's own scalars ``train/...`` they
    are given to :func:`~lightning_cgan.callbacks.diagnosis.judge`.

    A warning is given when a trouble begins, and again only after it has ended. It is printed, and it is put into
    ``health.json`` in the run folder. The run goes on, and no bit of its training changes by being watched.

    The generators are the networks in that role; the data module answers ``probe``. What is missing is not watched.

    Args:
        every: generator updates between two looks, rounded up to updates whose scalars are logged.

    Raises:
        UserError: for less than one.
    """

    def __init__(self, every: int = 200) -> None:
        if every < 1:
            raise UserError(f"Health looks every so many updates, at least 1; met {every}. Set init_args.every.")
        self.every = every
        self.history: list[HealthSample] = []
        self.probe: list[Any] = []
        self.looking = False

    def setup(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        commit()  # of the code that was read: files may change before a card is written

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history = state_dict["history"]

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        logs = trainer.log_every_n_steps or self.every  # 0: no scalars are written
        self.period = -(-self.every // logs) * logs
        self.generator = [*generator_of(module)]
        if self.generator:
            self.probe = data_facts(trainer.datamodule).probe()
        if trainer.is_global_zero:
            forget(log_of(trainer), after=trainer.global_step)

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        self.looking = (trainer.global_step + 1) % self.period == 0
        self.norms: dict[str, Tensor] = {}

    @torch.no_grad()
    def on_before_optimizer_step(self, trainer: Trainer, module: LightningModule, optimizer: Optimizer) -> None:
        if self.looking and self.generator:
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            network = "g" if any(weights[0] is weight for weight in self.generator) else "d"
            self.norms[network] = get_total_norm(weight.grad for weight in weights if weight.grad is not None)

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        if not self.looking:
            return
        signals = gradients(self.norms) | self.variances(trainer, module)  # in every process: networks may be sharded
        for logger in module.loggers:  # Lightning would repeat what self.log was given at every later log step
            logger.log_metrics(signals, step=trainer.global_step - 1)
        scalars = {name: value.item() for name, value in trainer.callback_metrics.items() if name.startswith("train/")}
        self.history = [*self.history[1 - KEPT :], {**scalars, **signals}]
        if trainer.is_global_zero and (warnings := check_health(self.history)):
            for warning in warnings:
                info(f"warning: update {trainer.global_step}: {warning.message}")
            note(log_of(trainer), [{"update": trainer.global_step, **warning._asdict()} for warning in warnings])

    @torch.no_grad()
    def variances(self, trainer: Trainer, module: LightningModule) -> HealthSample:
        """Of the generated images of the probe over those of the real ones."""
        seen: list[EvalOutput] = []
        with evaluating(module), trainer.precision_plugin.val_step_context():
            for number, part in enumerate(self.probe):
                seen.append(module.validation_step(trainer.strategy.batch_to_device(part, module.device), number))
        if not seen:
            return {}
        real, fake = (torch.cat([pooled(getattr(images, kind)) for images in seen]) for kind in ("real", "fake"))
        asked = [images.fake_label for images in seen if images.fake_label is not None]
        if not asked:
            return shares_of_variance(fake, real, None, None)
        truth = torch.cat([part.label for part in self.probe]).to(module.device)
        return shares_of_variance(fake, real, torch.cat(asked), truth)


def generator_of(module: LightningModule) -> Iterator[nn.Parameter]:
    """The parameters of the module's networks in the role "generator"; none of a module that does not say."""
    for network in facts_of(module).networks().get("generator", ()):
        yield from network.parameters()


def gradients(norms: dict[str, Tensor]) -> HealthSample:
    """The signals of the gradient norms by network, "g" and "d"; of a gradient that is 0 there is no ratio."""
    signals = {GRADIENT + network: norm.item() for network, norm in norms.items()}
    if norms.keys() == {"g", "d"} and norms["d"] > 0:
        signals[GRADIENT + "ratio"] = (norms["g"] / norms["d"]).item()
    return signals


@contextmanager
def evaluating(module: LightningModule) -> Iterator[None]:
    """``module`` in eval mode; afterwards every part of it in the mode it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def pooled(image: Tensor) -> Tensor:
    """(B, C, H, W) to (B, F) float32: the means of 8x8 areas, or all there is where images are as small as that."""
    image = image.float()
    return (adaptive_avg_pool2d(image, FINEST) if min(image.shape[-2:]) > FINEST else image).flatten(1)


def shares_of_variance(fake: Tensor, real: Tensor, asked: Tensor | None, truth: Tensor | None) -> HealthSample:
    """The signals of the total variances of features, those of generated images over those of real ones.

    Args:
        fake: (K, F) features.
        real: (B, F) features.
        asked: (K,) the class asked of each generated image, if any was.
        truth: (B,) the class of each real image, where classes were asked for.
    """
    groups = {VARIANCE: (fake, real)}
    for one in [] if asked is None or truth is None else asked.unique().tolist():
        groups[f"{CLASS}{one}"] = fake[asked == one], real[truth == one]
    signals: HealthSample = {}
    for name, pair in groups.items():
        if min(map(len, pair)) > 1:  # of one image there is no variance
            of_fake, of_real = (features.var(0).sum().item() for features in pair)
            signals |= {name: of_fake / of_real} if of_real else {}
    return signals


def log_of(trainer: Trainer) -> Path:
    return Path(trainer.default_root_dir) / "health.json"


def note(path: Path, warnings: list[dict[str, Any]]) -> None:
    """Adds ``warnings`` to the list in the file."""
    with tolerated(str(path)):
        write_json(path, [*read_json(path, list), *warnings])


def forget(path: Path, after: int) -> None:
    """Takes the warnings of updates later than ``after`` out of the file: they belong to work that is done again."""
    if path.is_file():
        kept = [warning for warning in read_json(path, list) if warning.get("update", 0) <= after]
        with tolerated(str(path)):
            write_json(path, kept)
