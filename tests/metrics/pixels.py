"""An extractor whose features can be written down, and evaluations made by hand."""

import torch
from lightning.pytorch import LightningModule, Trainer

from lightning_cgan.batches import EvalOutput, to_signed
from lightning_cgan.callbacks.scores.base import Evaluation
from lightning_cgan.extractors.digits import ClassifierOutput
from lightning_cgan.extractors.extractors import Extractor
from lightning_cgan.metrics.distribution.feature_store import FeatureAccumulator, GatheredFeatures

CPU = torch.device("cpu")


class Pixels(Extractor):
    """Pixels as features, and as logits."""

    name, resize, sha256 = "pixels", "none", "0"
    knows_labels = True

    def __init__(self):
        super().__init__()
        self.seen = 0

    def forward(self, image):
        self.seen += len(image)
        assert image.dtype == torch.uint8
        return ClassifierOutput(image.flatten(1).float(), image.flatten(1).float())


def scored(fake, real, label=None, batch=7, **given):
    """A pass over uint8 images, ``batch`` of each at a time."""
    scores = FeatureAccumulator(Pixels(), **given)
    for number, place in enumerate(torch.arange(len(real)).split(batch)):
        asked = None if label is None else label[place]
        scores.add(number, EvalOutput(to_signed(real[place]), to_signed(fake[place]), asked))
    return scores


def made(real, fake, label=None, logits=None, train=None):
    """What would have been gathered of these features."""
    return GatheredFeatures(
        real=real,
        fake=fake,
        logits=fake if logits is None else logits,
        label=torch.full((len(fake),), -1) if label is None else label,
        target=torch.full((len(real),), -1),
        hits=torch.zeros(0, dtype=torch.bool),
        finite=True,
        train=train,
    )


def features(count, width, seed, scale=1.0, shift=0.0):
    """Like a network's: not negative, correlated."""
    stream = torch.Generator().manual_seed(seed)
    mix = torch.randn(width, width, generator=torch.Generator().manual_seed(99)) / width**0.5
    return (torch.randn(count, width, generator=stream) @ mix * scale + shift).relu()


def evaluation_on(data):
    """A test of a model on ``data``, on the CPU."""
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.datamodule = data
    return Evaluation(trainer, LightningModule(), "test")
