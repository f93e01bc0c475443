"""Baseline of semi-supervised GANs: the same classifier trained only on the labelled images.

Network, noise, dropout, initial weights, labelled batches, optimizer and number of updates are SGAN's; unlabelled
images and generator are omitted.
"""

from collections.abc import Callable

from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from lightning_cgan.batches import ImageSpec, PartlyLabelled
from lightning_cgan.interfaces import with_classes
from lightning_cgan.losses.semi_supervised import supervised_loss
from lightning_cgan.networks import sgan
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
        UserError: for data without classes; in ``setup`` for fully labelled data.
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
        self.optimizer_factories, self.schedule = {"classifier": optimizer}, schedule

    def update(self, batch: PartlyLabelled) -> dict[str, Tensor]:
        (image,), (label,), _ = batch
        (optimizer,) = self.optimizer_list()
        loss = supervised_loss(self.classifier(image).logits.float(), label)
        optimizer_step(self, optimizer, loss, count=True)
        return {"loss_supervised": loss}
