"""Distribution scores (FID, KID, precision and recall, ...), per-class scores, memorisation and GAN-train scores."""

import math
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from lightning_cgan import keyed
from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.pictures import SHOWN, neighbour_grid, save_png
from lightning_cgan.callbacks.scores.base import ScoreCallback, ScoreReport, on_first_process
from lightning_cgan.callbacks.scores.card import check_extractor, extractor_card
from lightning_cgan.callbacks.scores.generated_images import GeneratedImageBuffer
from lightning_cgan.callbacks.scores.reference_features import References, whole
from lightning_cgan.errors import NonFiniteError, UserError
from lightning_cgan.extractors.extractors import Extractor
from lightning_cgan.interfaces import data_facts
from lightning_cgan.metrics.classification import GANTrainScores, classification_scores, recipe_for
from lightning_cgan.metrics.distribution.all_scores import FeatureAccumulator, GatheredFeatures, ScoreResult, all_scores
from lightning_cgan.metrics.distribution.fid import chunks, frechet_distance, total_variance
from lightning_cgan.metrics.distribution.memorisation import Neighbours
from lightning_cgan.metrics.distribution.pairwise_blocks import BLOCK
from lightning_cgan.protocol import Protocol
from lightning_cgan.runs.report.health import no_better_than_chance

TRAINING_IMAGES = 50_000  # searched for copies, at most
NOISE = 50  # images of noise, for the FID at chance level
SUSPECTS = 2_000  # generated images from which the picture of nearest neighbours is chosen
BESIDE = 4  # training images beside each of them
GAN_TRAIN = ("gan_train", "real_gan_train", "gan_test")  # scores that need trained classifiers


class Scores(ScoreCallback):
    """Logs the scores of :func:`lightning_cgan.metrics.distribution.all_scores.all_scores`: ``val/fid``, ... while
    training and in ``validate``, ``test/fid``, ... in ``test``.

    ``test`` adds scores inside each class and of memorisation, and writes the generated images that are nearest to
    training images to ``neighbours.png`` (``neighbours_last.png`` for the last checkpoint). Memorisation is not scored
    where the real images of the protocol are training images.

    Args:
        extractor: the network whose features and logits are scored.
        classifier_updates: training length in ``test`` of a classifier on generated images and one on real ones, for
            the GAN-train and GAN-test scores of :mod:`lightning_cgan.metrics.classification`; 0 leaves these out, as
            does a model without classes.
        block: pairs of images that are compared at a time; a number takes about 16 bytes.

    Raises:
        UserError: for a negative ``classifier_updates``, or a ``block`` below 1.
    """

    def __init__(self, extractor: Extractor, classifier_updates: int = 0, block: int = BLOCK) -> None:
        for key, number, least in (("classifier_updates", classifier_updates, 0), ("block", block, 1)):
            if number < least:
                raise UserError(f"{key} of Scores is at least {least}; got {number}. Set its init_args.{key}.")
        self.extractor, self.classifier_updates, self.block = extractor, classifier_updates, block
        self.on_real: nn.Module | None = None
        self.noise: Tensor | None = None  # its features
        self.references = References(extractor)

    def setup(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        if stage == "test":
            check_extractor(self.extractor, data_facts(trainer.datamodule).protocol)

    def start(self) -> None:
        here = self.evaluation
        self.extractor.to(here.device)
        self.images = here.data.reference(here.split)
        known = self.references.known(here.trainer, here.module, self.images) if whole(here.trainer) else None
        self.features = FeatureAccumulator(self.extractor, known)
        self.buffer = GeneratedImageBuffer(None if self.classifier_updates else SUSPECTS)

    def update(self, outputs: EvalOutput) -> None:
        self.features.add(self.evaluation.batch_idx, outputs)
        self.shape = outputs.fake.shape[1:]
        if self.evaluation.testing:
            self.buffer.add(self.evaluation.batch_idx, outputs.fake, self.evaluation.world_size)

    def compute(self) -> ScoreReport:
        here, features = self.evaluation, self.gather()
        scored, details = on_first_process(here.trainer, lambda: self.score(features))
        chance = on_first_process(here.trainer, lambda: self.chance(features, scored))
        warnings = no_better_than_chance(scored.value, chance) if here.final else []
        reals, fakes = len(features.real), len(features.fake)
        protocol = Protocol[here.card(reals, fakes)["protocol"]]
        how = extractor_card(self.extractor, protocol) | details
        more = {"chance": chance} | ({"classes": scored.classes} if scored.classes else {})
        return ScoreReport(scored.value, scored.error, reals, fakes, how, scored.notes, warnings, more)

    def gather(self) -> GatheredFeatures:
        """The features of all processes; called in every process."""
        here = self.evaluation
        features = self.features.gather(here.device, here.world_size)
        self.references.keep(here.trainer, here.module, self.images, features.real)
        self.fakes = self.buffer.gather(here.device, here.rank, here.world_size)
        # Memorisation is scored where the real images are not among the training images.
        if here.testing and len(features.fake) and "train" not in self.images.split:
            train = self.references.of_split(here.trainer, here.module, "train", TRAINING_IMAGES)
            features = features._replace(train=train)
        return features

    def score(self, features: GatheredFeatures) -> tuple[ScoreResult, dict[str, Any]]:
        """The scores, and additions to their card; called in the first process."""
        here, data = self.evaluation, self.evaluation.data
        convention = data.protocol.value if here.testing else Protocol.OWN.value
        labelled = len(features.label) > 0 and bool((features.label >= 0).all())
        scored = all_scores(
            features,
            self.extractor.knows_labels and features.logits.shape[1] == data.spec.num_classes,
            convention,
            intra=here.testing and labelled,
            block=self.block,
            device=here.device,
        )
        if scored.neighbours is not None and len(self.fakes):
            picture = beside_training_images(self.fakes, scored.neighbours, features, data)
            name = here.entry.name.replace("test", "neighbours")
            save_png(picture, Path(here.trainer.default_root_dir, f"{name}.png"))
        details: dict[str, Any] = {"worst_class": scored.worst_class} if scored.classes else {}
        if here.testing and self.classifier_updates and labelled:
            scored, details["classification"] = self.with_gan_train(scored, features)
        return scored, {name: detail for name, detail in details.items() if detail is not None}

    def chance(self, features: GatheredFeatures, scored: ScoreResult) -> dict[str, float]:
        """Values of some scores at chance level: guessing for accuracies; for the FID the worse of
        noise images and of images that all have the mean of the real images' features."""
        classes = self.evaluation.data.spec.num_classes
        levels = {name: 1 / classes for name in ("accuracy", "classification_accuracy") if classes}
        if "fid" in scored.value and len(features.real) > 1:
            if self.noise is None:
                noise = torch.randint(256, (NOISE, *self.shape), generator=keyed.generator("noise", seed=0)).byte()
                self.noise = self.extractor(noise.to(self.evaluation.device)).features.float().cpu()
            levels["fid"] = max(float(total_variance(features.real)), frechet_distance(features.real, self.noise))
        return {name: level for name, level in levels.items() if name in scored.value}

    def with_gan_train(
        self, scored: ScoreResult, features: GatheredFeatures
    ) -> tuple[ScoreResult, dict[str, Any] | None]:
        """``scored`` with the scores of trained classifiers, or a note why there are none; and the card of these."""
        missing, why = dict.fromkeys(GAN_TRAIN, math.nan), "generated images hold NaN or infinity."
        try:
            trained = self.train_classifiers(features.label) if features.finite else None
        except (UserError, NonFiniteError) as refusal:  # the other scores stand
            trained, why = None, str(refusal)
        if trained is None:
            notes = [*scored.notes, f"{', '.join(GAN_TRAIN)}: {why}"]
            return scored._replace(value=scored.value | missing, error=scored.error | missing, notes=notes), None
        value, errors = scored.value | trained.scores, scored.error | trained.standard_errors
        return scored._replace(value=value, error=errors), trained.card

    def train_classifiers(self, asked: Tensor) -> GANTrainScores:
        """Scores of classifiers trained on the generated and on the real images."""
        data = self.evaluation.data
        train, test = (data.reference_images(split) for split in ("train", "test"))
        real, held_out = (source.at(torch.arange(len(source.label))) for source in (train, test))
        recipe = recipe_for(data.spec)._replace(updates=self.classifier_updates)
        sets = self.fakes, asked, real, train.label, held_out, test.label
        trained = classification_scores(*sets, data.spec, recipe, self.evaluation.device, self.on_real)
        self.on_real = trained.on_real
        return trained


def beside_training_images(fakes: Tensor, found: Neighbours, features: GatheredFeatures, data: Any) -> Tensor:
    """The picture of those of the ``fakes`` that are nearest to training images, beside these."""
    distance = found.distance[: len(fakes)]
    chosen = distance.argsort(stable=True)[:SHOWN]
    suspect = features.fake[chosen].double()  # one part at a time, to save memory
    apart = torch.cat([torch.cdist(suspect, part.double()) for part in chunks(features.train)], 1)
    near = apart.topk(BESIDE, largest=False).indices
    return neighbour_grid(fakes[chosen], data.reference_images("train", TRAINING_IMAGES).at(near), distance[chosen])
