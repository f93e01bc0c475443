"""Scores a run: on validation data while it trains, on test data when it is tested."""

import json
import math
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn

from lightning_cgan import keyed
from lightning_cgan.callbacks.progress import say
from lightning_cgan.contract import Evaluated
from lightning_cgan.metrics.extractors import Extractor, sha256_of
from lightning_cgan.metrics.scores import Gathered, Pass, all_scores
from lightning_cgan.protocol import Protocol

PACKAGES = ("lightning-cgan", "torch", "torchvision", "lightning", "torchmetrics", "torch-fidelity")


class Scores(Callback):
    """Logs ``val/fid``, ``val/is_mean``, ``val/is_std``, by a classifier of the set ``val/rarest_class`` and
    ``val/accuracy``, of a model that classifies ``val/classification_accuracy``, and their ``test/`` twins.

    Each is also written, with the card that says how it was measured, to ``metrics.json`` in the run folder.

    A paper that is evaluated with averaged weights holds them as ``average``.

    Args:
        extractor: the network whose features and logits are scored.
        intra_fid: whether ``test`` also gives ``test/intra_fid`` and ``test/intra_fid_worst``, the mean and the largest
            FID inside a class; each class costs as much time as one FID.
    """

    def __init__(self, extractor: Extractor, intra_fid: bool = False) -> None:
        self.extractor = extractor
        self.intra_fid = intra_fid

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.begin(module)

    def on_test_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.begin(module)

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Evaluated, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self.take(trainer, batch_idx, outputs)

    def on_test_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Evaluated, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self.take(trainer, batch_idx, outputs)

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.finish(trainer, module, "val")

    def on_test_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.finish(trainer, module, "test")

    def begin(self, module: LightningModule) -> None:
        """Before an evaluation."""
        self.extractor.to(module.device)
        self.scored = Pass(self.extractor)
        self.details: dict[str, Any] = {}

    def take(self, trainer: Trainer, number: int, outputs: Evaluated) -> None:
        """Take in ``outputs``, this process' part ``number`` of the evaluation."""
        self.scored.add(number, outputs)

    def compute(self, trainer: Trainer, module: LightningModule, seen: Gathered) -> dict[str, float]:
        """Every score by its name, without the split."""
        intra = self.intra_fid and trainer.state.fn == "test"
        result = all_scores(seen, self.extractor.knows_labels, intra=intra, device=module.device)
        if result.classes:
            counts = [[row[name] for row in result.classes.values()] for name in ("reals", "fakes")]
            self.details["intra_fid"] = {
                "classes": len(result.classes),
                "worst_class": result.worst_class,
                "fewest_reals": min(counts[0]),
                "fewest_fakes": min(counts[1]),
            }
        return result.value

    def finish(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        seen = self.scored.gather(module.device, trainer.world_size)
        scores = self.compute(trainer, module, seen)
        if not seen.scorable and "fid" in scores:
            why = "there are fewer than two" if seen.finite else "generated ones hold NaN or infinity"
            rank_zero_warn(f"Of {len(seen.real)} real and {len(seen.fake)} generated images {why}: no {split} scores.")
        module.log_dict({f"{split}/{name}": value for name, value in scores.items()}, rank_zero_only=False)
        if trainer.is_global_zero:
            path = Path(trainer.default_root_dir) / "metrics.json"
            write_scores(path, split, scores, self.card(trainer, module, split, seen))
            say(f"{split}: " + "  ".join(f"{name} {value:.4g}" for name, value in scores.items()))

    def card(self, trainer: Trainer, module: LightningModule, split: str, seen: Gathered) -> dict[str, Any]:
        """What a score must share with another to be compared with it, and where it came from."""
        data = getattr(trainer, "datamodule", None)
        reference = data.reference(split)._asdict() if data else None
        return {
            "fakes": len(seen.fake),
            "reals": len(seen.real),
            "reference": reference,
            "extractor": {name: getattr(self.extractor, name) for name in ("name", "resize", "sha256")},
            "inception_splits": Protocol.OWN.value.inception_splits,
            **self.details,
            "weights": "average" if hasattr(module, "average") else "raw",
            "precision": str(trainer.precision),
            "seed": keyed.run_seed(),
            **origin(trainer),
            "versions": {name: version(name) for name in PACKAGES},
        }


def origin(trainer: Trainer) -> dict[str, Any]:
    """Where the weights that are scored come from: training seed, generator update, and the checkpoint if loaded."""
    if trainer.state.fn == "fit" or not trainer.ckpt_path:
        return {"training_seed": keyed.run_seed(), "update": trainer.global_step, "checkpoint": None}
    path = Path(trainer.ckpt_path)
    held = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    checkpoint = {"name": path.name, "sha256": sha256_of(path)}
    seed = held["hyper_parameters"]["seed_everything"]
    return {"training_seed": seed, "update": held["global_step"], "checkpoint": checkpoint}


def write_scores(path: Path, split: str, scores: dict[str, float], card: dict[str, Any]) -> None:
    """Put ``scores`` and ``card`` into the file under ``split``, and leave the other splits as they are."""
    written = json.loads(path.read_text()) if path.is_file() else {}
    numbers = {name: None if math.isnan(value) else value for name, value in scores.items()}  # JSON knows no NaN
    written[split] = {"scores": numbers, "card": card}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(written, indent=2) + "\n")
    os.replace(partial, path)
