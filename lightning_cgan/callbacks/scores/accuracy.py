"""Classification accuracy of a model that classifies real images."""

import math

from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.scores.base import PerImage, ScoreCallback, ScoreReport

NAME = "classification_accuracy"


class Accuracy(ScoreCallback):
    """Logs ``val/classification_accuracy`` and ``test/classification_accuracy``: the share of real images that the
    model assigns to the right class, in [0, 1], with its binomial standard error.
    """

    def start(self) -> None:
        self.hits = PerImage(self.evaluation)

    def update(self, outputs: EvalOutput) -> None:
        self.hits.add(hit=outputs.target == outputs.prediction)

    def compute(self) -> ScoreReport:
        hits = self.hits.gather()["hit"]
        share = hits.double().mean().item()
        error = math.sqrt(share * (1 - share) / max(len(hits), 1))
        classes = self.evaluation.data.spec.num_classes
        more = {"chance": {NAME: 1 / classes} if classes else {}}
        return ScoreReport({NAME: share}, {NAME: error}, reals=len(hits), fakes=0, more=more)
