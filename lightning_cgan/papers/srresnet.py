"""SRResNet: super-resolution by a residual network. Ledig et al., CVPR 2017, Section 2.1."""

from collections.abc import Callable

from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from lightning_cgan.batches import Paired, PairSpec
from lightning_cgan.losses.content import RESCALING, content_loss
from lightning_cgan.networks import srresnet
from lightning_cgan.optimize import Adam, optimizer_step
from lightning_cgan.papers.kinds import SuperResolution
from lightning_cgan.schedules.learning_rate import constant


class SRResNet(SuperResolution):
    """Super-resolution trained by a pixel loss or a feature loss.

    The defaults are the paper's; it trains for 10^6 updates with batches of 16 crops of 96 pixels. In the paper the low
    resolution is in [0, 1] and the high one in [-1, 1]; here both are in [-1, 1]: the first layer can compensate.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, low resolutions -> images.
        pixel_loss: of generated and true images (B, C, H, W). The paper's is the mean squared error, Equation 4.
        features: makes a frozen network for training, images in [-1, 1] -> feature maps that replace pixels in the
            loss; not in checkpoints. Equation 5, SRResNet-VGG22 with VGG-19's relu2_2, without its total variation of
            weight 2e-8.
        rescaling: a factor on the features. The paper's is for VGG-19.
        optimizer: maps parameters to an optimizer.
        schedule: maps (update, updates in the run) to the factor on the learning rate.
    """

    def __init__(
        self,
        spec: PairSpec,
        generator: Callable[[PairSpec], nn.Module] = srresnet.Generator,
        pixel_loss: Callable[[Tensor, Tensor], Tensor] = mse_loss,
        features: Callable[[], nn.Module] | None = None,
        rescaling: float = RESCALING,
        optimizer: OptimizerCallable = lambda p: Adam(p, lr=1e-4, beta1=0.9, beta2=0.999),
        schedule: Callable[[int, int], float] = constant,
    ) -> None:
        super().__init__(spec)
        self.generator = generator(spec)
        self.pixel_loss, self.features, self.rescaling = pixel_loss, features, rescaling
        self.optimizer_factories, self.schedule = {"generator": optimizer}, schedule

    def update(self, batch: Paired) -> dict[str, Tensor]:
        (low,), (high,) = batch
        (optimizer,) = self.optimizer_list()
        loss = content_loss(self.generator(low), high, self.pixel_loss, self.frozen, self.rescaling)
        optimizer_step(self, optimizer, loss, count=True)
        return {"loss": loss}
