"""``make bench``: speed and memory as a user notices them, as ratios measured in one run. Not part of the tests.

training   time per update of the command line / of a plain PyTorch loop with the same networks, data and precision
scores     time of features and all scores / of the features alone
fid        time of one FID from 2,048 features, compared with torchmetrics
memory     memory of all scores in addition to the features
"""

import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import torch
from lightning.pytorch import Callback
from torch.utils.data import DataLoader
from torchmetrics.image.fid import _compute_fid

from datamodules.core.batches import Training
from datamodules.core.order import TrainingOrder
from datamodules.embedded.digits import Digits
from lightning_cgan import build, keyed
from lightning_cgan.batches import EvalOutput, to_bytes, to_signed
from lightning_cgan.cli.lightning import main
from lightning_cgan.extractors.extractors import DigitsClassifier, InceptionV3, extract
from lightning_cgan.extractors.weights_registry import sha256_of
from lightning_cgan.losses.hinge import discriminator_hinge, generator_hinge
from lightning_cgan.metrics.distribution.all_scores import FeatureAccumulator, all_scores
from lightning_cgan.metrics.distribution.fid import frechet_distance, frechet_distances
from lightning_cgan.schedules.learning_rate import linear_decay
from tests.conftest import DIGITS
from tests.metrics.inception import random_inception

ROUNDS, UPDATES = 4, 30
LAPS: list[float] = []


class Stopwatch(Callback):
    """Records the start time of each batch in ``LAPS``."""

    def on_train_batch_start(self, *_):
        LAPS.append(time.perf_counter())


def through_the_command_line():
    """Seconds of each update of a run of the command line."""
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
                "--trainer.callbacks+=benchmarks.speed.Stopwatch",
            ]
        )
    return [b - a for a, b in pairwise(LAPS[3:])]


def plain():
    """Seconds of each update of the same training loop without Lightning."""
    model, _ = build(DIGITS)
    model.to(memory_format=torch.channels_last)
    n, batch = model.n_critic, 64
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
                    fake_label = torch.randint(10, (batch,))
                    fake = generator(torch.randn(batch, 128), fake_label)
                logits = discriminator(torch.cat([real, fake]), torch.cat([label, fake_label])).float()
                optimizer_step(steps[1], discriminator_hinge(*logits.split(batch)))
            discriminator.requires_grad_(False)
            fake_label = torch.randint(10, (batch,))
            optimizer_step(
                steps[0],
                generator_hinge(discriminator(generator(torch.randn(batch, 128), fake_label), fake_label).float()),
            )
        for step, rate in zip(steps, rates, strict=True):
            step.param_groups[0]["lr"] = rate * linear_decay(update, 0, UPDATES + 1)
    return [b - a for a, b in pairwise(laps[3:])]


def optimizer_step(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def evaluated(extractor, reals, fakes, label):
    """Seconds of extracting the features of batches of images, and of that with all scores and standard errors."""
    began = time.perf_counter()
    for image in (*fakes, *reals):
        extract(extractor, to_bytes(image))
    features = time.perf_counter() - began
    began = time.perf_counter()
    scored = FeatureAccumulator(extractor)
    for number, (real, fake, fake_label) in enumerate(zip(reals, fakes, label, strict=True)):
        scored.add(number, EvalOutput(real, fake, fake_label))
    all_scores(scored.gather(torch.device("cpu"), 1), extractor.knows_labels)
    return features, time.perf_counter() - began


def digits_evaluation():
    """Arguments of :func:`evaluated`: 2,000 generated and the 500 test digits, 128 features of the digit classifier."""
    model, test, label = build(DIGITS)[0].eval(), Digits().source("test"), (torch.arange(2000) % 10).split(250)
    fakes = [model.sample(250, fake_label, seed=number) for number, fake_label in enumerate(label)]
    return DigitsClassifier(), to_signed(test.image).split(63), fakes, label


def inception_evaluation():
    """Arguments of :func:`evaluated`: 600 images as generated and 400 as real ones, Inception with random weights."""
    fakes, reals = ((2 * torch.rand(count, 3, 32, 32) - 1).split(count // 10) for count in (600, 400))
    with tempfile.TemporaryDirectory() as folder:
        weights = random_inception(f"{folder}/inception.pth")
        extractor = InceptionV3(weights, sha256=sha256_of(Path(weights)))
    return extractor, reals, fakes, (torch.arange(600) % 10).split(60)


def frechet_seconds(width=2048, images=4_000):
    """Seconds of one FID from features, without and with its standard error, and of torchmetrics' FID from moments."""
    real, fake = (torch.randn(images, width).relu() for _ in range(2))
    group = torch.arange(images) % 10
    seconds = []
    for distance in (
        lambda: frechet_distance(real, fake),
        lambda: frechet_distances(real, fake, group, 10),
        lambda: _compute_fid(*(m for x in (real, fake) for m in (x.double().mean(0), torch.cov(x.double().T)))),
    ):
        began = time.perf_counter()
        distance()
        seconds.append(time.perf_counter() - began)
    return seconds


def peak_memory(images=10_000, width=2048):
    """MiB of memory that all scores of ``images`` generated and real images need in addition to the features."""
    code = (
        "import torch; from pathlib import Path; from tests.metrics.pixels import made\n"
        "from lightning_cgan.metrics.distribution.all_scores import all_scores\n"
        "def status(key):\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024\n"
        f"images, width = {images}, {width}\n"
        "features = made(torch.randn(images, width), torch.randn(images, width), logits=torch.randn(images, 1008))\n"
        "Path('/proc/self/clear_refs').write_text('5')\n"  # resets the peak of the imports
        "before = status('VmRSS'); all_scores(features, False); print(status('VmHWM') - before)"
    )
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def bench():
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs += plain()
        ours += through_the_command_line()
    a, b = statistics.median(theirs), statistics.median(ours)
    print(f"training  plain {1e3 * a:.1f} ms  command line {1e3 * b:.1f} ms  ratio {b / a:.3f}")
    for name, made, rounds in (("digits", digits_evaluation, 7), ("inception", inception_evaluation, 1)):
        given = made()
        pairs = [evaluated(*given) for _ in range(rounds)]
        features, whole = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"scores    {name}: features {features:.2f} s  all scores {whole:.2f} s  ratio {whole / features:.3f}")
    print("fid       {:.1f} s  with its error {:.1f} s  torchmetrics {:.1f} s".format(*frechet_seconds()))
    print(f"memory    all scores of 10,000 and 10,000 images of 2,048 features: {peak_memory():.0f} MiB in addition")


if __name__ == "__main__":
    from benchmarks import speed as module  # the module that class paths name, not __main__

    module.bench()
