"""Super-resolution with a perceptual loss. Johnson, Alahi & Fei-Fei, ECCV 2016, Section 4.2."""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from lightning_cgan.batches import Paired, PairSpec
from lightning_cgan.checks import check_taps
from lightning_cgan.losses.perceptual import feature_loss
from lightning_cgan.networks.checkpoint_weights import frozen
from lightning_cgan.networks.perceptual_super_resolution import SuperResolutionNetwork, with_histograms
from lightning_cgan.optimize import Adam, optimizer_step
from lightning_cgan.papers.kinds import SuperResolution
from lightning_cgan.schedules.learning_rate import constant


class PerceptualSuperResolution(SuperResolution):
    """Super-resolution trained by a feature loss; without ``features`` the paper's baseline, by MSE of pixels.

    Compared with a pixel loss, images are sharper and have a lower PSNR. The defaults are the paper's: it trains for
    200,000 updates with batches of 4 crops of 288 pixels.

    Args:
        spec: of the data, linked from the data module.
        features: makes the frozen network, images (B, 3, H, W) in [-1, 1] -> a tuple of taps. It is made for training
            only and is not in checkpoints. None: the pixel loss.
        tap: index of the tap that is compared; relu2_2 of VGG-16.
        generator: maps the spec to a network, low resolutions of any size -> images.
        match_histogram: in evaluation, match each channel's histogram to that of the low resolution, as in the paper.
        optimizer: maps parameters to an optimizer.
        schedule: maps (update, updates in the run) to a factor on the learning rate.

    Raises:
        UserError: before training, for a tap that the features do not have.
    """

    def __init__(
        self,
        spec: PairSpec,
        features: Callable[[], nn.Module] | None = None,
        tap: int = 1,
        generator: Callable[[PairSpec], nn.Module] = SuperResolutionNetwork,
        match_histogram: bool = True,
        optimizer: OptimizerCallable = lambda p: Adam(p, lr=1e-3),
        schedule: Callable[[int, int], float] = constant,
    ) -> None:
        super().__init__(spec)
        self.generator = generator(spec)
        self.features, self.tap, self.match_histogram = features, tap, match_histogram
        self.optimizer_factories, self.schedule = {"generator": optimizer}, schedule

    def make_frozen(self) -> tuple[nn.Module, ...]:
        networks = tuple(map(frozen, super().make_frozen()))
        for network in networks:
            with torch.no_grad():
                check_taps(len(network(torch.zeros(1, 3, 32, 32))), tap=(self.tap,))
        return networks

    def update(self, batch: Paired) -> dict[str, Tensor]:
        (low,), (high,) = batch
        (optimizer,) = self.optimizer_list()
        loss = self.loss(self.generator(low), high)
        optimizer_step(self, optimizer, loss, count=True)
        return {"loss": loss}

    def loss(self, image: Tensor, high: Tensor) -> Tensor:
        """The distance of generated and true images (B, 3, H, W): Equation 2, or the MSE of pixels."""
        if not self.frozen:
            return mse_loss(image.float(), high)
        (network,) = self.frozen
        with torch.no_grad():
            wanted = network(high)[self.tap]
        return feature_loss(network(image)[self.tap], wanted)

    def forward(self, low: Tensor) -> Tensor:
        """Low resolutions (B, 3, h, w) in [-1, 1] of any size to images (B, 3, scale h, scale w) in [-1, 1]."""
        image = super().forward(low)
        return with_histograms(image, low) if self.match_histogram else image
