"""Scores of object poses: the error of a pose regressor, and how well a translation preserves azimuths."""

import math

from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.scores.base import PerImage, ScoreCallback, ScoreReport
from lightning_cgan.extractors.poses import PoseRegressor
from lightning_cgan.metrics.views import view_errors, view_scores


class ViewScores(ScoreCallback):
    """Logs the scores of :func:`lightning_cgan.metrics.views.view_scores`: ``views``, ``view_bits`` and
    ``azimuth_rmse``, after ``val/`` or ``test/``; with ``back_`` before the name those of the reverse direction, where
    a paper learns it. Azimuths before and after translation are predicted by a regressor.
    """

    def __init__(self) -> None:
        self.regressor = PoseRegressor()

    def start(self) -> None:
        self.regressor.to(self.evaluation.device)
        self.azimuths: dict[str, PerImage] = {}  # before and after, of each direction

    def update(self, outputs: EvalOutput) -> None:
        for prefix, way in {"": outputs, "back_": outputs.reverse}.items():
            if way is not None:
                azimuths = self.azimuths.setdefault(prefix, PerImage(self.evaluation))
                azimuths.add(source=self.regressor(way.source), fake=self.regressor(way.fake))

    def compute(self) -> ScoreReport:
        scores: dict[str, float] = {}
        errors: dict[str, float] = {}
        notes, counts = [], []
        for prefix, azimuths in self.azimuths.items():
            source, fake = azimuths.gather().values()
            known = fake.isfinite()
            if not bool(known.all()):
                notes.append(f"{int((~known).sum())} of {len(fake)} generated images hold NaN or infinity.")
            scores |= {prefix + name: value for name, value in view_scores(source[known], fake[known]).items()}
            errors |= {prefix + name: value for name, value in view_errors(source[known], fake[known]).items()}
            counts.append(len(fake))
        regressor = {"name": self.regressor.name, "sha256": self.regressor.sha256}
        return ScoreReport(scores, errors, reals=0, fakes=counts[0], card={"regressor": regressor}, notes=notes)


class AzimuthError(ScoreCallback):
    """Logs ``val/azimuth_rmse`` and ``test/azimuth_rmse``, in degrees, of a network that predicts azimuths."""

    def start(self) -> None:
        self.squares = PerImage(self.evaluation)

    def update(self, outputs: EvalOutput) -> None:
        self.squares.add(square=(outputs.prediction - outputs.target).double().square())

    def compute(self) -> ScoreReport:
        squares = self.squares.gather()["square"]
        mean = squares.mean().item()
        error = squares.std().item() / math.sqrt(max(len(squares), 1)) / (2 * math.sqrt(mean)) if mean else 0.0
        return ScoreReport({"azimuth_rmse": math.sqrt(mean)}, {"azimuth_rmse": error}, reals=len(squares), fakes=0)
