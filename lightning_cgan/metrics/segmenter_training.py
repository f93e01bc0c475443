"""How a segmenter is trained that is to score others: on pictures and their label maps."""

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.clock import updates_of_run
from lightning_cgan.contract import Evaluated, Paired, PairSpec, Sources, to_bytes, to_signed
from lightning_cgan.interfaces import PaperFacts
from lightning_cgan.learning_rates import OneCycle
from lightning_cgan.metrics.palette import class_numbers, painted
from lightning_cgan.metrics.segmenter import SegmenterNetwork
from lightning_cgan.optimize import descend, is_log_step
from lightning_cgan.stored_model import Loadable

LEFT_OUT = -100  # in place of a class


class SegmenterTraining(PaperFacts, Loadable, LightningModule):
    """Trains a :class:`SegmenterNetwork` by cross-entropy on pairs of pictures (a) and label maps (b).

    To the suite it is a translation like any other: what it decides is painted in the data's palette, and scored by
    :class:`lightning_cgan.callbacks.segmentation_scores.SegmentationScores`.

    Args:
        spec: of the data, linked from the data module.
        classes: colours of the data's palette.
        width: channels at full size.
        ignored: classes whose pixels teach nothing.
        optimizer: maps parameters to an optimizer; its rate is the peak of a one-cycle schedule.
    """

    training_batch = Paired

    def __init__(
        self,
        spec: PairSpec,
        classes: int,
        width: int = 16,
        ignored: list[int] | None = None,
        optimizer: OptimizerCallable = lambda p: AdamW(p, lr=1e-2, weight_decay=1e-2),
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = SegmenterNetwork(spec.channels_a, classes, width)
        self.classes, self.ignored, self.optimizer = classes, ignored or [], optimizer
        self.register_buffer("palette", torch.zeros(classes, 3, dtype=torch.uint8))  # a checkpoint knows its colours

    def setup(self, stage: str) -> None:
        """Refuse data without label maps in b, or with another number of classes.

        Raises:
            ValueError: naming the key to set.
        """
        data = self.trainer.datamodule
        palette = getattr(data, "palette", None)
        if palette is None or data.labels_in != "b":
            raise ValueError(
                f"A segmenter learns label maps (b) from pictures (a); met {type(data).__name__} with label maps in "
                f"{getattr(data, 'labels_in', None)}. Set data.init_args.direction so that b are the label maps, or "
                "data to a set with a palette."
            )
        if len(palette) != self.classes:
            raise ValueError(
                f"The classes of a segmenter are the colours of the palette, {len(palette)}; met {self.classes}. "
                f"Set model.init_args.classes to {len(palette)}."
            )
        self.palette.copy_(palette)

    def evaluated_networks(self) -> dict[str, nn.Module]:
        return {"network": self.network}

    def training_step(self, batch: Paired, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        loss = self.loss(batch.a.flatten(0, 1), batch.b.flatten(0, 1))
        descend(self, self.optimizers(), loss, tick=True)
        self.lr_schedulers().step()
        if is_log_step(self):
            self.log("train/loss", loss)

    def loss(self, picture: Tensor, labels: Tensor) -> Tensor:
        """The mean cross-entropy of the pixels of pictures and their label maps, (B, C, H, W) in [-1, 1] both."""
        number = class_numbers(to_bytes(labels), self.palette)
        number[torch.isin(number, torch.tensor(self.ignored, device=number.device))] = LEFT_OUT
        return cross_entropy(self.network(picture).float(), number, ignore_index=LEFT_OUT)

    def forward(self, picture: Tensor) -> Tensor:
        """Pictures (B, C, H, W) in [-1, 1] to label maps (B, 3, H, W) in [-1, 1] in the palette's colours."""
        return to_signed(painted(self.network(picture).argmax(1), self.palette))

    def validation_step(self, batch: Paired, batch_idx: int) -> Evaluated:
        return Evaluated(real=batch.b, fake=self(batch.a), source=batch.a)

    test_step = validation_step

    def predict_step(self, batch: Sources, batch_idx: int) -> Evaluated:
        fake = self(batch.image)
        return Evaluated(real=fake[:0], fake=fake, source=batch.image)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizer = self.optimizer(self.parameters())
        return [optimizer], [OneCycle(optimizer, updates_of_run(self.trainer))]
