"""Many scores from one pass: features and logits are computed once per image, kept, and shared by all."""

import warnings
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.utilities.distributed import gather_all_tensors

from lightning_cgan import keyed
from lightning_cgan.contract import Evaluated, to_bytes
from lightning_cgan.metrics.extractors import Extractor, seen_by

SPLITS = 10  # of the Inception Score, as in all published values
CHUNK = 5_000  # images whose features are held in double precision at a time


class Gathered(NamedTuple):
    """What the scores are computed from, in an order that does not depend on the number of processes."""

    real: Tensor  # (N, F) features
    fake: Tensor  # (K, F) features
    logits: Tensor  # (K, classes) of the fakes
    label: Tensor  # (K,) int64 asked for, -1 without labels
    truth: Tensor  # (N,) int64 class of each real image, -1 where it is not known
    hits: Tensor  # (N,) bool, whether the model classified a real image rightly; empty where it does not classify
    finite: bool  # whether every pixel generated was a number

    @property
    def scorable(self) -> bool:
        return self.finite and min(len(self.real), len(self.fake)) > 1


class Pass:
    """Collects one evaluation's features on the CPU, batch by batch, and gathers them from all processes.

    Images are rounded to uint8 first, generated ones too: what is scored is what a PNG of it would hold.
    """

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        self.rows: dict[str, list[Tensor]] = {
            name: [] for name in ("real", "fake", "logits", "label", "truth", "hits", "at", "fake_at")
        }
        self.finite = True

    def add(self, batch: int, outputs: Evaluated) -> None:
        """Take in ``outputs``, this process' part number ``batch`` of the evaluation."""
        self.finite &= bool(outputs.fake.isfinite().all())
        real, fake = (self.see(image) for image in (outputs.real, outputs.fake))
        reals, fakes = len(outputs.real), len(outputs.fake)
        label = outputs.label if outputs.label is not None else torch.full((fakes,), -1)
        truth = outputs.truth if outputs.truth is not None else torch.full((reals,), -1)
        hits = outputs.truth == outputs.decided if outputs.decided is not None else label[:0] > 0
        row = (real[0], *fake, label, truth, hits, torch.full((reals,), batch), torch.full((fakes,), batch))
        for kept, new in zip(self.rows.values(), row, strict=True):
            kept.append(new.cpu())

    def see(self, image: Tensor) -> tuple[Tensor, Tensor]:
        if len(image):
            return seen_by(self.extractor, to_bytes(image))
        blank = torch.zeros(1, *image.shape[1:], dtype=torch.uint8, device=image.device)
        features, logits = seen_by(self.extractor, blank)  # for their widths
        return features[:0], logits[:0]

    def gather(self, device: torch.device, world: int) -> Gathered:
        """Everything every process saw, in the order in which one process would have seen it."""
        rows = {name: torch.cat(parts) for name, parts in self.rows.items()}
        finite = torch.tensor([self.finite])
        if world > 1:
            shards = {name: gather_all_tensors(part.to(device)) for name, part in rows.items()}
            for at in ("at", "fake_at"):  # part k of process r is batch k * world + r of the whole
                shards[at] = [part * world + rank for rank, part in enumerate(shards[at])]
            rows = {name: torch.cat(parts).cpu() for name, parts in shards.items()}
            finite = torch.cat(gather_all_tensors(finite.to(device)))
        real, fake = (rows[at].argsort(stable=True) for at in ("at", "fake_at"))
        return Gathered(
            **{name: rows[name][real] for name in ("real", "truth")},
            **{name: rows[name][fake] for name in ("fake", "logits", "label")},
            hits=rows["hits"],
            finite=bool(finite.all()),
        )


class Features(nn.Module):
    """Stands where torchmetrics expects a network: what it is given are features already."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_features = width

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """FID on features (N, F) and (K, F), in double precision. Heusel et al. 2017, Equation 6."""
    metric = FrechetInceptionDistance(Features(real.shape[1]), sync_on_compute=False).set_dtype(torch.float64)
    for features, is_real in ((real, True), (fake, False)):
        for chunk in features.split(CHUNK):
            metric.update(chunk.double(), real=is_real)
    return metric.compute().item()


def inception_score(logits: Tensor, splits: int = SPLITS) -> tuple[float, float]:
    """Mean and standard deviation over splits of exp E KL(p(y|x) || p(y)) on logits (K, C). Salimans et al. 2016.

    The split is keyed and the global random state left alone; torchmetrics' own shuffle draws from it.
    """
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # that logits are kept, and that one split has no deviation
        metric = InceptionScore(Features(logits.shape[1]), splits=splits, sync_on_compute=False)
        metric.update(logits.double())
        torch.manual_seed(keyed.seed_of("inception score", seed=0))
        mean, std = metric.compute()
    return mean.item(), std.item()


def label_accuracy(logits: Tensor, label: Tensor) -> float:
    """The share of generated images that the classifier puts in the class that was asked for."""
    return (logits.argmax(1) == label).double().mean().item()


def rarest_class(logits: Tensor) -> float:
    """The share of generated images in the class that fewest of them fall into; 1 / classes where all are equal."""
    share = logits.argmax(1).bincount(minlength=logits.shape[1]).double() / len(logits)
    return share.min().item()


def all_scores(seen: Gathered, knows_labels: bool) -> dict[str, float]:
    """Every score that ``seen`` allows.

    "fid", "is_mean", "is_std"; by a classifier of the set "rarest_class" and, where labels were asked for, "accuracy";
    where the model classifies, "classification_accuracy" of real images. The first three are NaN if they cannot be
    computed: a generated pixel was not a finite number, or there are fewer than two real or two generated images.
    A model that classifies and generates nothing has no others than "classification_accuracy".
    """
    scores = {"classification_accuracy": seen.hits.double().mean().item()} if len(seen.hits) else {}
    if scores and not len(seen.fake):
        return scores  # a classifier that generates nothing
    if not seen.scorable:
        return scores | dict.fromkeys(("fid", "is_mean", "is_std"), float("nan"))
    mean, std = inception_score(seen.logits)
    scores |= {"fid": frechet_distance(seen.real, seen.fake), "is_mean": mean, "is_std": std}
    if knows_labels:
        scores["rarest_class"] = rarest_class(seen.logits)
    if knows_labels and bool((seen.label >= 0).all()):
        scores["accuracy"] = label_accuracy(seen.logits, seen.label)
    return scores
