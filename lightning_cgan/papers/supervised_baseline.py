"""What a semi-supervised GAN is measured against: its classifier, trained on the same few labels alone.

Network, noise, dropout, initial weights, labelled batches, optimizer and number of updates are SGAN's. The images
without labels and the generator are left out.
"""

from collections.abc import Callable

from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from lightning_cgan import keyed
from lightning_cgan.batches import ImageSpec, PartlyLabelled
from lightning_cgan.interfaces import with_classes
from lightning_cgan.losses.semi_supervised import supervised_loss
from lightning_cgan.networks import sgan
from lightning_cgan.networks.blocks.weight_norm import initialise
from lightning_cgan.optimize import Adam, optimizer_step
from lightning_cgan.papers.kinds import SemiSupervised
from lightning_cgan.schedules.learning_rate import constant


class SupervisedBaseline(SemiSupervised):
    """A classifier of K classes trained by cross-entropy on labelled images.

    Args:
        spec: of the data, linked from the data module.
        classifier: maps the spec to a network: images -> ``DiscriminatorOutput``, of which the logits (B, K) are used.
        optimizer: maps parameters to an optimizer.
        schedule: maps (update, updates in the run) to a factor on the learning rate.

    Raises:
        UserError: for data without classes; on ``setup`` for data whose labels are all known.
    """

    def __init__(
        self,
        spec: ImageSpec,
        classifier: Callable[[ImageSpec], nn.Module] = sgan.MLPClassifier,
        optimizer: OptimizerCallable = lambda p: Adam(p, lr=3e-3, beta1=0.5, beta2=0.999),
        schedule: Callable[[int, int], float] = constant,
    ) -> None:
        super().__init__(with_classes(spec, "A classifier"))
        self.classifier = classifier(spec)
        self.optimizer_factories = {"classifier": optimizer}
        self.schedule = schedule

    def before_first_update(self, batch: PartlyLabelled) -> None:
        """Data-dependent initial scales, as SGAN has them."""
        image = self.first_images(batch)
        keyed.reseed("initialise")
        initialise(self.classifier, image)

    def update(self, batch: PartlyLabelled) -> dict[str, Tensor]:
        (image,), (label,), _ = batch
        (optimizer,) = self.optimizer_list()
        loss = supervised_loss(self.classifier(image).logits.float(), label)
        optimizer_step(self, optimizer, loss, count=True)
        return {"loss_supervised": loss}
