"""Scores a run: on validation data while it trains, on test data when it is tested."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from lightning_cgan import keyed
from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.pictures import SHOWN, neighbour_grid, save_png
from lightning_cgan.callbacks.scores.card import card, check_extractor, seen_by_extractor
from lightning_cgan.callbacks.scores.generated_images import GeneratedImageBuffer
from lightning_cgan.callbacks.scores.reference_features import References, whole
from lightning_cgan.console import info
from lightning_cgan.errors import NonFiniteError, UserError
from lightning_cgan.extractors.extractors import Extractor
from lightning_cgan.interfaces import data_facts
from lightning_cgan.metrics.classification import Classification, classification_scores, recipe_for
from lightning_cgan.metrics.distribution.all_scores import FeatureAccumulator, GatheredFeatures, ScoreResult, all_scores
from lightning_cgan.metrics.distribution.fid import chunks, frechet_distance, total_variance
from lightning_cgan.metrics.distribution.memorisation import Neighbours
from lightning_cgan.metrics.distribution.pairwise_blocks import BLOCK
from lightning_cgan.protocol import Protocol
from lightning_cgan.runs.metrics_json import entry_of, report
from lightning_cgan.runs.report.health import no_better_than_chance

TRAINING_IMAGES = 50_000  # among which copies are looked for, at most
NOISE = 50  # images of it, as a measure of what is worth nothing
SUSPECTS = 2_000  # generated images among which the picture of copies chooses
BESIDE = 4  # training images beside each of them
TAUGHT = ("cas", "cas_real", "cas_reverse")  # scores that classifiers are trained for


class Scores(Callback):
    """Logs scores of what a model generates and decides: ``val/fid`` and so on while it trains and in ``validate``,
    ``test/fid`` and so on in ``test``.

    Each is also written to ``metrics.json`` in the run folder, with its standard error and the card that says how it
    was measured. ``test`` adds scores inside each class, looks for copies of training images, and shows those that
    come nearest to being one in ``neighbours.png``, those of the last checkpoint in ``neighbours_last.png``. It does
    not look where the protocol's real images are training images: there is nothing unseen to compare with.

    Args:
        extractor: the network whose features and logits are scored.
        classifier_updates: how long ``test`` trains a classifier on generated images and one on real ones, for
            :func:`lightning_cgan.metrics.classification.classification_scores`; 0 leaves them out, and so does a model
            without classes.
        block: pairs of images that are compared at a time; a number takes about 16 bytes.

    Raises:
        UserError: for a negative ``classifier_updates``, or a ``block`` without pairs.
    """

    def __init__(self, extractor: Extractor, classifier_updates: int = 0, block: int = BLOCK) -> None:
        for key, number, least in (("classifier_updates", classifier_updates, 0), ("block", block, 1)):
            if number < least:
                raise UserError(f"{key} of Scores is at least {least}; met {number}. Set its init_args.{key}.")
        self.extractor, self.classifier_updates, self.block = extractor, classifier_updates, block
        self.on_real: nn.Module | None = None
        self.noise: Tensor | None = None  # its features
        self.references = References(extractor)
        self.said: set[str] = set()

    def setup(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        if stage == "test":
            check_extractor(self.extractor, data_facts(trainer.datamodule).protocol)

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.begin(trainer, module, "val")

    def on_test_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.begin(trainer, module, "test")

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self.take(trainer, batch_idx, outputs)

    def on_test_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: EvalOutput, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self.take(trainer, batch_idx, outputs)

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.finish(trainer, module, "val")

    def on_test_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.finish(trainer, module, "test")

    def begin(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        """Before an evaluation."""
        self.extractor.to(module.device)
        self.images = data_facts(trainer.datamodule).reference(split)
        known = self.references.known(trainer, module, self.images) if whole(trainer) else None
        self.passed = FeatureAccumulator(self.extractor, known)
        self.kept = GeneratedImageBuffer(None if self.classifier_updates else SUSPECTS)

    def take(self, trainer: Trainer, number: int, outputs: EvalOutput) -> None:
        """Take in ``outputs``, this process' part ``number`` of the evaluation."""
        self.passed.add(number, outputs)
        self.shape = outputs.fake.shape[1:]
        if trainer.state.fn == "test":
            self.kept.add(number, outputs.fake, trainer.world_size)

    def finish(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        seen = self.gather(trainer, module, split)
        scored, details = on_first(trainer, lambda: self.compute(trainer, module, seen))
        chance = on_first(trainer, lambda: self.chance(module, seen, scored, trainer.datamodule.spec.num_classes))
        worthless = no_better_than_chance(scored.value, chance) if is_last(trainer) else []
        for note in [*scored.notes, *worthless]:
            self.warn(f"{entry_of(trainer, split)}: {note}")
        written = card(trainer, module, split, len(seen.real), len(seen.fake))
        written |= seen_by_extractor(self.extractor, Protocol[written["protocol"]])
        more = {"notes": scored.notes, "chance": chance} | ({"classes": scored.classes} if scored.classes else {})
        report(trainer, module, split, scored.value, scored.error, written | details, **more)

    def warn(self, note: str) -> None:
        """Say ``note``, once in a run: each validation has the same to say."""
        if note not in self.said:
            info(f"warning: {note}")
        self.said.add(note)

    def gather(self, trainer: Trainer, module: LightningModule, split: str) -> GatheredFeatures:
        """What all processes saw, together; each of them calls it."""
        seen = self.passed.gather(module.device, trainer.world_size)
        self.references.keep(trainer, module, self.images, seen.real)
        self.fakes = self.kept.gather(module.device, trainer.global_rank, trainer.world_size)
        if split == "test" and len(seen.fake) and "train" not in self.images.split:  # else no real image is held out
            train = self.references.of_split(trainer, module, "train", TRAINING_IMAGES)
            seen = seen._replace(train=train)
        return seen

    def compute(
        self, trainer: Trainer, module: LightningModule, seen: GatheredFeatures
    ) -> tuple[ScoreResult, dict[str, Any]]:
        """The scores, and what belongs on their card; the first process calls it."""
        testing = trainer.state.fn == "test"
        data = trainer.datamodule
        convention = data_facts(data).protocol.value if testing else Protocol.OWN.value
        asked = len(seen.label) > 0 and bool((seen.label >= 0).all())
        scored = all_scores(
            seen,
            self.extractor.knows_labels and seen.logits.shape[1] == data.spec.num_classes,
            convention,
            intra=testing and asked,
            block=self.block,
            device=module.device,
        )
        if scored.neighbours is not None and len(self.fakes):
            picture = beside_training_images(self.fakes, scored.neighbours, seen, data)
            name = entry_of(trainer, "test").replace("test", "neighbours")
            save_png(picture, Path(trainer.default_root_dir, f"{name}.png"))
        details: dict[str, Any] = {"worst_class": scored.worst_class} if scored.classes else {}
        if testing and self.classifier_updates and asked:
            scored, details["classification"] = self.with_taught(scored, seen, data, module.device)
        return scored, {name: detail for name, detail in details.items() if detail is not None}

    def chance(
        self, module: LightningModule, seen: GatheredFeatures, scored: ScoreResult, classes: int
    ) -> dict[str, float]:
        """What some of the scores would be of a model that has learnt nothing: one that guesses, and the worse of one
        that draws noise and one whose images all have the mean of the real images' features."""
        levels = {name: 1 / classes for name in ("accuracy", "classification_accuracy") if classes}
        if "fid" in scored.value and len(seen.real) > 1:
            if self.noise is None:
                noise = torch.randint(256, (NOISE, *self.shape), generator=keyed.generator("noise", seed=0)).byte()
                self.noise = self.extractor(noise.to(module.device)).features.float().cpu()
            levels["fid"] = max(float(total_variance(seen.real)), frechet_distance(seen.real, self.noise))
        return {name: level for name, level in levels.items() if name in scored.value}

    def with_taught(
        self, scored: ScoreResult, seen: GatheredFeatures, data: Any, device: torch.device
    ) -> tuple[ScoreResult, dict[str, Any] | None]:
        """``scored`` with what classifiers learn, or with the reason why they do not, and how they were trained."""
        missing, why = dict.fromkeys(TAUGHT, math.nan), "generated images hold NaN or infinity."
        try:
            taught = self.taught(data, seen.label, device) if seen.finite else None
        except (UserError, NonFiniteError) as refusal:  # what else was scored is not lost
            taught, why = None, str(refusal)
        if taught is None:
            notes = [*scored.notes, f"{', '.join(TAUGHT)}: {why}"]
            return scored._replace(value=scored.value | missing, error=scored.error | missing, notes=notes), None
        value, errors = scored.value | taught.scores, scored.error | taught.standard_errors
        return scored._replace(value=value, error=errors), taught.card

    def taught(self, data: Any, asked: Tensor, device: torch.device) -> Classification:
        """What classifiers learn from generated and from real images."""
        train, test = (data_facts(data).reference_images(split) for split in ("train", "test"))
        real, held_out = (source.at(torch.arange(len(source.label))) for source in (train, test))
        recipe = recipe_for(data.spec)._replace(updates=self.classifier_updates)
        sets = self.fakes, asked, real, train.label, held_out, test.label
        taught = classification_scores(*sets, data.spec, recipe, device, self.on_real)
        self.on_real = taught.on_real
        return taught


def is_last(trainer: Trainer) -> bool:
    """Whether no update comes after this evaluation: early ones may be as bad as they like."""
    return trainer.state.fn != "fit" or trainer.global_step >= trainer.max_steps > 0


def beside_training_images(fakes: Tensor, found: Neighbours, seen: GatheredFeatures, data: Any) -> Tensor:
    """The picture of the first generated ``fakes`` that lie nearest to training images, and of those."""
    distance = found.distance[: len(fakes)]
    chosen = distance.argsort(stable=True)[:SHOWN]
    suspect = seen.fake[chosen].double()  # a part at a time: all training images would take twice their memory
    apart = torch.cat([torch.cdist(suspect, part.double()) for part in chunks(seen.train)], 1)
    near = apart.topk(BESIDE, largest=False).indices
    images = data_facts(data).reference_images("train", TRAINING_IMAGES)
    return neighbour_grid(fakes[chosen], images.at(near), distance[chosen])


def on_first(trainer: Trainer, work: Callable[[], Any]) -> Any:
    """What ``work`` gives in the first process, in every process; what it raises there is raised in all."""
    done: Any = None
    if trainer.is_global_zero:
        try:
            done = work()
        except Exception as error:  # raised here alone it would leave the others waiting
            known = isinstance(error, UserError | NonFiniteError)
            done = error if known else RuntimeError(f"{type(error).__name__}: {error}")
            if trainer.world_size == 1:
                raise
    done = trainer.strategy.broadcast(done)
    if isinstance(done, Exception):
        raise done
    return done
