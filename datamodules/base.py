"""The base of all data modules: facts with defaults, loaders, samplers, conversion on the device and fingerprints."""

import warnings
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset, Sampler

from datamodules.core.augment import plain
from datamodules.core.batches import Evaluation, identity, ignore_first_sigterm
from datamodules.core.fingerprint import Fingerprint, State, differences, earlier, leaks
from datamodules.core.order import EvaluationOrder, TrainingOrder
from datamodules.core.sources import ConcatSource, LabelledImages
from lightning_cgan.batches import EvalBatch, to_signed
from lightning_cgan.clock import endless_epoch
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import DataFacts

EVAL_SPLITS = {"fit": "val", "validate": "val", "test": "test"}  # by the stage of the Trainer


class NoTrainer:
    """Stands in for a missing Trainer: one process, before the first update of a run without a length."""

    global_step = 0
    global_rank = 0
    world_size = 1
    max_steps = -1
    max_epochs: int | None = None
    training = True
    lightning_module: Any = None


class DataModule(DataFacts, LightningDataModule):
    """Base of the data modules. Loaders work with a Trainer and without one.

    A subclass sets ``spec`` and implements ``load``, ``fingerprint``, ``reference``, ``scored_images``,
    ``train_dataloader``, ``eval_loader`` and ``predict_dataloader``; :class:`~datamodules.LabelledDataModule` and
    :class:`~datamodules.TranslationDataModule` do so for two kinds of data.

    Args:
        batch_size: images in one batch of one critic update, over all processes together; of two domains, of each.
        evaluation_batch_size: images in one evaluation batch.
        num_workers: loader processes.

    Attributes:
        known_splits: splits whose fingerprints a checkpoint stores: also "test" where its images may change.

    Raises:
        UserError: for a size below 1.
    """

    known_splits: tuple[str, ...] = ("train", "val")

    def __init__(self, batch_size: int, evaluation_batch_size: int, num_workers: int = 0) -> None:
        super().__init__()
        check_counts(batch_size=batch_size, evaluation_batch_size=evaluation_batch_size)
        self.batch_size, self.evaluation_batch_size = batch_size, evaluation_batch_size
        self.num_workers = num_workers
        self.fingerprints: dict[str, Fingerprint] = {}
        self.before: State = {}

    @property
    def run(self) -> Any:
        """The Trainer, or :class:`NoTrainer`."""
        return self.trainer or NoTrainer

    # Splits and their images

    def scored_images(self, split: str) -> LabelledImages:
        """The images of ``split`` that generated ones are compared with; of two domains, those of b."""
        raise NotImplementedError

    def reference_images(self, split: str, most: int | None = None) -> ConcatSource:
        return ConcatSource(plain(self.scored_images(split)), most=most)

    def eval_splits(self, split: str) -> list[str]:
        """The splits whose images are the reference for scores of ``split``, by the protocol."""
        convention = self.protocol.value.split if split == "test" else None
        return (convention or split).split("+")

    def split_description(self, split: str) -> str:
        """``split`` as the evaluation card names it: with how it was made if it is not read from disk as it is."""
        return "+".join(self.eval_splits(split))

    # Loaders

    def eval_loader(self, split: str) -> DataLoader[Any]:
        """The evaluation batches of ``split``, this process' share."""
        raise NotImplementedError

    def val_dataloader(self) -> DataLoader[Any]:
        return self.eval_loader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        return self.eval_loader("test")

    def image_loader(self, split: str, most: int | None = None) -> DataLoader[EvalBatch]:
        source = self.reference_images(split, most)
        return self.loader(Evaluation(source, self.spec.num_classes), self.eval_order(len(source.label), 0))

    def batch_shape(self, update: int) -> tuple[int, int]:
        """Critic updates in generator update ``update``, and images in the batch of each: as the paper says.

        ``n_critic`` of the module is a number, or a function of the update; so is ``batch_size``, which only a
        paper has that changes it while training. Without a paper there is one critic update.
        """
        module = self.run.lightning_module
        n, size = getattr(module, "n_critic", 1), getattr(module, "batch_size", self.batch_size)
        return n(update) if callable(n) else n, size(update) if callable(size) else size

    def training_order(self, count: int, purpose: str = "order", updates: int | None = None) -> TrainingOrder:
        """The training order of ``count`` images, this process' share.

        Args:
            count: of the images.
            purpose: orders of different purposes are independent.
            updates: length of one epoch where the Trainer counts epochs; one pass over the images when None.
        """
        return TrainingOrder(
            count,
            self.batch_shape,
            start=lambda: self.run.global_step,
            updates=endless_epoch(self.run) or updates,
            rank=self.run.global_rank,
            world=self.run.world_size,
            purpose=purpose,
        )

    def eval_order(self, reals: int, fakes: int, batch_size: int | None = None) -> EvaluationOrder:
        """The evaluation order of ``reals`` real images and ``fakes`` generated ones, this process' share."""
        rank, world = self.run.global_rank, self.run.world_size
        return EvaluationOrder(reals, fakes, batch_size or self.evaluation_batch_size, rank, world)

    def loader(self, dataset: Dataset, order: Sampler) -> DataLoader:
        """Loads from a ``dataset`` that answers each item of ``order`` with a whole batch."""
        return DataLoader(
            dataset,
            sampler=order,
            batch_size=None,
            collate_fn=identity,
            worker_init_fn=ignore_first_sigterm,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # or each new iterator would draw from the global stream
        )

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """``batch``, a NamedTuple, with its uint8 images as floats in [-1, 1]."""
        images = {name: part for name, part in batch._asdict().items() if is_bytes(part)}
        return batch._replace(**{name: to_signed(image) for name, image in images.items()})

    # Fingerprints: which images a run was trained on

    def fingerprint(self, split: str) -> Fingerprint:
        """The fingerprint of the images of ``split``."""
        raise NotImplementedError

    def take_fingerprints(self) -> None:
        """Store the fingerprints of a run that begins, and warn of images that are in training and held out too."""
        self.fingerprints = {split: self.fingerprint(split) for split in self.known_splits}
        self.warn(leaks(self.fingerprints))

    def state_dict(self) -> dict[str, Any]:
        """The fingerprints, as plain values and tensors for a checkpoint."""
        if not self.fingerprints:
            return self.before
        gone = earlier(self.before, self.fingerprints["train"])
        return {split: one.state() for split, one in self.fingerprints.items()} | ({"earlier": gone} if gone else {})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Warn of how the images differ from those of the checkpoint."""
        self.before = state_dict
        stage = str(self.run.state.fn.value)
        if stage == "fit":
            self.warn(differences(state_dict, self.fingerprints))
        elif stage in EVAL_SPLITS:
            splits = self.eval_splits(EVAL_SPLITS[stage])
            self.warn(differences(state_dict, {split: self.fingerprint(split) for split in splits}))

    def warn(self, lines: list[str]) -> None:
        for line in lines if self.run.global_rank == 0 else ():
            warnings.warn(line, stacklevel=1)


def is_bytes(part: object) -> bool:
    return isinstance(part, torch.Tensor) and part.dtype == torch.uint8


def check_counts(**counts: int) -> None:
    """Refuse numbers of images below 1, given by the names of the constructor's arguments.

    Raises:
        UserError: naming the first of them.
    """
    for name, count in counts.items():
        if count < 1:
            raise UserError(f"{name} counts images, at least one; got {count}. Set data.init_args.{name}.")
