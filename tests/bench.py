"""``make bench``: what a user feels, as ratios measured in one run. Never part of the tests.

training   an update through the command line over one of a plain PyTorch loop: same networks, data, precision
scores     features and all scores over extracting the features once
"""

import statistics
import tempfile
import time
from itertools import pairwise

import torch
from lightning.pytorch import Callback
from torch.utils.data import DataLoader

from datamodules.batches import Training
from datamodules.digits import Digits
from datamodules.order import TrainingOrder
from lightning_cgan import build, keyed
from lightning_cgan.cli import main
from lightning_cgan.contract import Evaluated, to_bytes, to_signed
from lightning_cgan.losses.hinge import discriminator_hinge, generator_hinge
from lightning_cgan.metrics.extractors import DigitsClassifier, seen_by
from lightning_cgan.metrics.scores import Pass, all_scores
from lightning_cgan.schedules import linear_decay
from tests.conftest import DIGITS

ROUNDS, UPDATES = 4, 30
LAPS: list[float] = []


class Stopwatch(Callback):
    """Notes the time from each batch's start to the next one's."""

    def on_train_batch_start(self, *_):
        LAPS.append(time.perf_counter())


def through_the_command_line():
    LAPS.clear()
    with tempfile.TemporaryDirectory() as folder:
        main(
            [
                "fit",
                f"--config={DIGITS}",
                f"--trainer.default_root_dir={folder}",
                f"--trainer.max_steps={UPDATES + 1}",
                "--trainer.val_check_interval=100000",
                "--trainer.num_sanity_val_steps=0",
                "--trainer.log_every_n_steps=30",
                "--trainer.callbacks+=tests.bench.Stopwatch",
            ]
        )
    return [b - a for a, b in pairwise(LAPS[3:])]


def plain():
    """The same training loop without Lightning."""
    model, _ = build(DIGITS)
    model.to(memory_format=torch.channels_last)
    n, batch = model.critic_updates, 64
    order = TrainingOrder(1097, (n, batch), updates=UPDATES + 1)
    loader = DataLoader(Training(Digits().source("train")), sampler=order, batch_size=None, collate_fn=lambda b: b)
    generator, discriminator = model.generator, model.discriminator
    steps = model.generator_optimizer(generator.parameters()), model.discriminator_optimizer(discriminator.parameters())
    rates = [step.param_groups[0]["lr"] for step in steps]
    laps = []
    for update, (images, labels) in enumerate(loader):
        laps.append(time.perf_counter())
        keyed.reseed("train", update, 0)
        images = to_signed(images)
        with torch.autocast("cpu", torch.bfloat16):
            discriminator.requires_grad_(True)
            for real, label in zip(images, labels, strict=True):
                with torch.no_grad():
                    asked = torch.randint(10, (batch,))
                    fake = generator(torch.randn(batch, 128), asked)
                logits = discriminator(torch.cat([real, fake]), torch.cat([label, asked])).float()
                descend(steps[1], discriminator_hinge(*logits.split(batch)))
            discriminator.requires_grad_(False)
            asked = torch.randint(10, (batch,))
            descend(steps[0], generator_hinge(discriminator(generator(torch.randn(batch, 128), asked), asked).float()))
        for step, rate in zip(steps, rates, strict=True):
            step.param_groups[0]["lr"] = rate * linear_decay(update, 0, UPDATES + 1)
    return [b - a for a, b in pairwise(laps[3:])]


def descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def evaluation():
    """Seconds to extract features of 2,000 generated and the 500 test digits, and to do that with all scores."""
    model, extractor, test = build(DIGITS)[0].eval(), DigitsClassifier(), Digits().source("test")
    label = torch.arange(2000) % 10
    fakes = [model.sample(250, label[start : start + 250], seed=start) for start in range(0, 2000, 250)]
    reals = to_signed(test.image).split(63)
    began = time.perf_counter()
    for image in (*fakes, *reals):
        seen_by(extractor, to_bytes(image))
    features = time.perf_counter() - began
    began = time.perf_counter()
    scored = Pass(extractor)
    for number, (real, fake) in enumerate(zip(reals, fakes, strict=True)):
        scored.add(number, Evaluated(real, fake, label[:250]))
    all_scores(scored.gather(torch.device("cpu"), 1), knows_labels=True)
    return features, time.perf_counter() - began


def bench():
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs += plain()
        ours += through_the_command_line()
    a, b = statistics.median(theirs), statistics.median(ours)
    print(f"training  plain {1e3 * a:.1f} ms  command line {1e3 * b:.1f} ms  ratio {b / a:.3f}")
    pairs = [evaluation() for _ in range(7)]
    features, whole = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"scores    features {features:.2f} s  all scores {whole:.2f} s  ratio {whole / features:.3f}")


if __name__ == "__main__":
    from tests import bench as module  # the one that class paths name, not this second copy of it

    module.bench()
