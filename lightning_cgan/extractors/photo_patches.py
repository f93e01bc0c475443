"""A small feature network of photographs and its training; it replaces VGG where no downloaded weights are available.

It learns edges, textures and colours by telling from which of a few photographs a patch is.
"""

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy, mse_loss
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.batches import EvalBatch, EvalOutput, ImageSpec, Labelled
from lightning_cgan.clock import updates_of_run
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.interfaces import PaperFacts
from lightning_cgan.optimize import optimizer_step, should_log
from lightning_cgan.schedules.schedulers import OneCycle

LUMA = (0.299, 0.587, 0.114)


class PatchNetwork(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] to four taps, (B, width, H, W) down to (B, 3 * width, H / 8, W / 8).

    Like the first four blocks of VGG: 3x3 convolutions with ReLU, and pooling between the blocks.

    Args:
        width: channels of the first tap; the others have 2, 3 and 3 times as many.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            [
                nn.Sequential(*convolution(3, width), *convolution(width, width)),
                nn.Sequential(nn.MaxPool2d(2), *convolution(width, 2 * width), *convolution(2 * width, 2 * width)),
                nn.Sequential(nn.MaxPool2d(2), *convolution(2 * width, 3 * width), *convolution(3 * width, 3 * width)),
                nn.Sequential(nn.MaxPool2d(2), *convolution(3 * width, 3 * width)),
            ]
        )

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        taps = []
        for block in self.blocks:
            image = block(image)
            taps.append(image)
        return tuple(taps)


def convolution(before: int, after: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()


def recoloured(image: Tensor, strength: float = 0.5) -> Tensor:
    """Images (B, 3, H, W) in [-1, 1] with random contrast and colour cast; about a third of them without colour.

    Patches of one photograph share its light, so a network could tell photographs apart by colour alone.
    """
    count, channels = image.shape[:2]
    grey = (image * image.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
    left = (1.5 * torch.rand(count, 1, 1, 1, device=image.device) - 0.5).clamp(min=0)  # share of colour
    gain, lift = strength * (2 * torch.rand(2, count, channels, 1, 1, device=image.device) - 1)
    return (torch.lerp(grey, image, left) * (1 + gain) + lift).clamp(-1, 1)


class PatchTraining(PaperFacts, Loadable, LightningModule):
    """Trains a ``PatchNetwork`` to tell from which photograph a patch is; ``experiments/features/photos.yaml``.

    Features that tell photographs apart under changing light ignore colour. So that the taps keep it, a linear map of
    each is trained to predict the mean colour at its positions.

    Args:
        spec: of the data, linked from the data module; its classes are the photographs.
        width: of the network.
        colour_weight: of the squared error of those colours, in [-1, 1]; mean over the taps.
        optimizer: maps parameters to an optimizer; its learning rate is the peak of a one-cycle schedule.
    """

    def __init__(
        self,
        spec: ImageSpec,
        width: int = 24,
        colour_weight: float = 4.0,
        optimizer: OptimizerCallable = lambda p: AdamW(p, lr=5e-3, weight_decay=1e-2),
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = PatchNetwork(width)
        self.head = nn.Linear(3 * width, spec.num_classes)
        self.colours = nn.ModuleList([nn.Conv2d(times * width, 3, 1) for times in (1, 2, 3, 3)])
        self.colour_weight = colour_weight
        self.optimizer = optimizer

    def evaluated_networks(self) -> dict[str, nn.Module]:
        return {"network": self.network, "head": self.head}

    def training_step(self, batch: Labelled, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        image, label = recoloured(batch.image.flatten(0, 1)), batch.label.flatten(0, 1)
        taps = self.network(image)
        loss = cross_entropy(self.classify(taps), label)
        total = loss + self.colour_weight * self.colour_error(taps, image) if self.colour_weight else loss
        optimizer_step(self, self.optimizers(), total, count=True)
        self.lr_schedulers().step()
        if should_log(self):
            self.log("train/loss", loss)

    def colour_error(self, taps: tuple[Tensor, ...], image: Tensor) -> Tensor:
        """The mean squared error of the colours of ``image`` predicted by linear maps of ``taps``."""
        errors = [
            mse_loss(colours(tap).float(), adaptive_avg_pool2d(image, tuple(tap.shape[-2:])))
            for colours, tap in zip(self.colours, taps, strict=True)
        ]
        return torch.stack(errors).mean()

    def classify(self, taps: tuple[Tensor, ...]) -> Tensor:
        return self.head(taps[-1].mean((-1, -2))).float()

    def forward(self, image: Tensor) -> Tensor:
        """Patches (B, 3, H, W) in [-1, 1] to logits of the photographs."""
        return self.classify(self.network(image))

    def validation_step(self, batch: EvalBatch, batch_idx: int) -> EvalOutput:
        prediction = self(batch.image).argmax(1)
        return EvalOutput(real=batch.image, fake=batch.image[:0], target=batch.label, prediction=prediction)

    test_step = validation_step

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizer = self.optimizer(self.parameters())
        return [optimizer], [OneCycle(optimizer, updates_of_run(self.trainer))]
