"""What a semi-supervised GAN is measured against: its classifier, trained on the same few labels alone.

Network, noise, dropout, initial weights, labelled batches, optimizer and number of updates are SGAN's. The images
without labels and the generator are left out.
"""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lightning_cgan import keyed
from lightning_cgan.batch_check import ChecksBatches
from lightning_cgan.batches import ClassPrediction, EvalBatch, EvalOutput, ImageSpec, PartlyLabelled, UnlabelledImages
from lightning_cgan.config.stored_model import Loadable
from lightning_cgan.interfaces import EvaluationFacts, with_classes, with_few_labels
from lightning_cgan.losses.semi_supervised import supervised_loss
from lightning_cgan.networks import sgan
from lightning_cgan.networks.blocks.weight_norm import initialise
from lightning_cgan.optimize import Adam, optimizer_step, should_log, with_lr_lambda
from lightning_cgan.schedules.learning_rate import constant


class SupervisedBaseline(EvaluationFacts, Loadable, ChecksBatches):
    """A classifier of K classes trained by cross-entropy on labelled images.

    Args:
        spec: of the data, linked from the data module.
        classifier: maps the spec to a network: images -> ``DiscriminatorOutput``, of which the logits (B, K) are used.
        optimizer: maps parameters to an optimizer.
        schedule: maps (update, updates in the run) to a factor on the learning rate.

    Raises:
        ValueError: for data without classes; on ``setup`` for data whose labels are all known.
    """

    training_batch = PartlyLabelled

    def __init__(
        self,
        spec: ImageSpec,
        classifier: Callable[[ImageSpec], nn.Module] = sgan.MLPClassifier,
        optimizer: OptimizerCallable = lambda p: Adam(p, lr=3e-3, beta1=0.5, beta2=0.999),
        schedule: Callable[[int, int], float] = constant,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.spec = with_classes(spec, "A classifier")
        self.classifier = classifier(spec)
        self.optimizer = optimizer
        self.schedule = schedule

    def setup(self, stage: str) -> None:
        if stage == "fit":
            with_few_labels(self.trainer.datamodule, "SGAN's supervised twin")

    def training_step(self, batch: PartlyLabelled, batch_idx: int) -> None:
        (image,), (label,), _ = batch
        if not self.global_step:
            gathered = self.all_gather(image).flatten(0, -4)
            keyed.reseed("initialise")
            initialise(self.classifier, gathered)
        keyed.reseed("train", self.global_step, self.global_rank)
        loss = supervised_loss(self.classifier(image).logits.float(), label)
        optimizer_step(self, self.optimizers(), loss, count=True)
        self.lr_schedulers().step()
        if should_log(self):
            self.log("train/loss_supervised", loss, prog_bar=True)

    @torch.no_grad()
    def classify(self, image: Tensor) -> Tensor:
        """The probabilities (B, K) of the classes of (B, C, H, W) in [-1, 1]; put the module in eval mode first."""
        return self.classifier(image).logits.float().softmax(1)

    def evaluated_networks(self) -> dict[str, nn.Module]:
        return {"classifier": self.classifier}

    def validation_step(self, batch: EvalBatch, batch_idx: int) -> EvalOutput:
        decided = self.classify(batch.image).argmax(1)
        return EvalOutput(real=batch.image, fake=batch.image[:0], target=batch.label, prediction=decided)

    test_step = validation_step

    def predict_step(self, batch: UnlabelledImages, batch_idx: int) -> ClassPrediction:
        probability, label = self.classify(batch.image).max(1)
        return ClassPrediction(batch.name, label, probability)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizer = self.optimizer(self.classifier.parameters())
        return with_lr_lambda(self, [optimizer], self.schedule)
