"""Features of the real images of a run: read from the cache, or computed by all processes together."""

from pathlib import Path

from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from lightning_cgan.batches import EvalOutput, Reference
from lightning_cgan.extractors.extractors import Extractor
from lightning_cgan.interfaces import data_facts
from lightning_cgan.metrics.distribution.all_scores import FeatureAccumulator
from lightning_cgan.metrics.distribution.feature_cache import path_of, read_features, write_features
from lightning_cgan.runs.partial import partial


class References:
    """Features of the real images, kept for later evaluations of the run and cached on disk.

    Args:
        extractor: computes the features.
    """

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        self.read: dict[Path, Tensor] = {}

    def known(self, trainer: Trainer, module: LightningModule, images: Reference) -> Tensor | None:
        """(N, F) float32 in the order of the images, if every process can read them from the cache; else None."""
        path = path_of(images, self.extractor, module.device)
        features = self.read.get(path)
        if features is None:
            features = read_features(path, images.images)
        if not trainer.strategy.reduce_boolean_decision(features is not None):
            return None
        assert features is not None  # as all processes agreed
        self.read = {path: features, **dict(list(self.read.items())[:2])}
        return features

    def keep(self, trainer: Trainer, module: LightningModule, images: Reference, features: Tensor) -> None:
        """Write ``features`` to the cache, if they are complete."""
        if len(features) != images.images or not trainer.is_global_zero:
            return
        path = path_of(images, self.extractor, module.device)
        if path not in self.read:
            write_features(path, features)

    def of_split(self, trainer: Trainer, module: LightningModule, split: str, most: int) -> Tensor:
        """(N, F) float32 of at most ``most`` images of ``split``."""
        data = data_facts(trainer.datamodule)
        source = data.reference_images(split, most)
        images = Reference(split, len(source.label), source.sha256())
        features = self.known(trainer, module, images)
        if features is not None:
            return features
        computed = FeatureAccumulator(self.extractor)
        for number, batch in enumerate(data.image_loader(split, most)):
            image = trainer.strategy.batch_to_device(batch, dataloader_idx=0).image
            computed.add(number, EvalOutput(image, image[:0]))
        features = computed.gather(module.device, trainer.world_size).real
        self.keep(trainer, module, images, features)
        return features


def whole(trainer: Trainer) -> bool:
    """Whether the running evaluation uses every batch."""
    return not trainer.sanity_checking and partial(trainer) is None
