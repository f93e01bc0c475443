"""SRResNet: super-resolution by a residual network. Ledig et al., CVPR 2017, Section 2.1."""

from collections.abc import Callable

from lightning.pytorch import Trainer
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.batch_check import ChecksBatches
from lightning_cgan.batches import EvalOutput, Paired, PairSpec, SourceImages
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.interfaces import EvaluationFacts
from lightning_cgan.losses.content import RESCALING, content_loss
from lightning_cgan.networks import srresnet
from lightning_cgan.networks.checkpoint_weights import frozen
from lightning_cgan.optimize import Adam, optimizer_step, should_log, with_lr_lambda
from lightning_cgan.schedules.learning_rate import constant


class SRResNet(EvaluationFacts, Loadable, ChecksBatches):
    """A network that enlarges images, trained to come near the true ones in pixels, or in features of theirs.

    The defaults are the paper's; it trains for 10^6 updates with batches of 16 crops of 96 pixels. There the low
    resolution lies in [0, 1] and the high one in [-1, 1]; here both lie in [-1, 1], which the first layer makes up for.

    Args:
        spec: of the data, linked from the data module.
        generator: maps the spec to a network, low resolutions -> images.
        pixel_loss: of generated and true images (B, C, H, W). The paper's is the mean squared error, Equation 4.
        features: makes a network, images in [-1, 1] -> maps, whose features are compared instead of the pixels:
            Equation 5, SRResNet-VGG22 with VGG-19's relu2_2, but for the total variation that it has with weight 2e-8.
            It is made when training starts, stays as it is, and is not in the checkpoints.
        rescaling: a factor on the features. The paper's is for VGG-19.
        optimizer: maps parameters to an optimizer.
        schedule: maps (update, updates in all) to the factor on the learning rate.
    """

    training_batch = Paired

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
        super().__init__()
        self.automatic_optimization = False
        self.judges: tuple[nn.Module, ...] = ()  # in a tuple it is no submodule: no optimizer or checkpoint holds it
        self.spec = spec
        self.generator = generator(spec)
        self.pixel_loss = pixel_loss
        self.features = features
        self.rescaling = rescaling
        self.optimizer = optimizer
        self.schedule = schedule

    def check(self, trainer: Trainer) -> None:
        """Refuses features that are not there; the command line asks before it touches an earlier run."""
        self.setup("fit")

    def setup(self, stage: str) -> None:
        if stage == "fit" and self.features is not None and not self.judges:
            self.judges = (frozen(self.features()),)

    def on_fit_start(self) -> None:
        self.judges = tuple(network.to(self.device) for network in self.judges)

    def training_step(self, batch: Paired, batch_idx: int) -> None:
        keyed.reseed("train", self.global_step, self.global_rank)
        (low,), (high,) = batch
        loss = content_loss(self.generator(low), high, self.pixel_loss, self.judges, self.rescaling)
        optimizer_step(self, self.optimizers(), loss, count=True)
        self.lr_schedulers().step()
        if should_log(self):
            self.log("train/loss", loss, prog_bar=True)

    def forward(self, low: Tensor) -> Tensor:
        """Low resolutions (B, C, h, w) in [-1, 1] of any size to images (B, C, scale h, scale w) in [-1, 1]."""
        return self.generator(low).float().clamp(-1, 1)

    def validation_step(self, batch: Paired, batch_idx: int) -> EvalOutput:
        return EvalOutput(real=batch.b, fake=self(batch.a), source=batch.a)

    test_step = validation_step

    def predict_step(self, batch: SourceImages, batch_idx: int) -> EvalOutput:
        fake = self(batch.image)
        return EvalOutput(real=fake[:0], fake=fake, source=batch.image)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizers = [self.optimizer(self.generator.parameters())]
        return with_lr_lambda(self, optimizers, self.schedule)
