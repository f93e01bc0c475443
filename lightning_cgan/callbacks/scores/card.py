"""The evaluation card: what a score must share with another to be compared with it, and where it came from."""

import subprocess
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from lightning_cgan import keyed
from lightning_cgan.extractors.extractors import Extractor, sha256_of
from lightning_cgan.extractors.resizing import Resize
from lightning_cgan.interfaces import EvaluationFacts
from lightning_cgan.protocol import Protocol
from lightning_cgan.runs.checkpoint_files import load_content

PACKAGES = ("lightning-cgan", "torch", "torchvision", "lightning", "torchmetrics", "torch-fidelity")
UNDECLARED = "not declared"  # of a paper that is no EvaluationFacts


def card(trainer: Trainer, module: LightningModule, split: str, reals: int, fakes: int) -> dict[str, Any]:
    """What belongs beside every score of ``split``, whatever is scored."""
    data = trainer.datamodule
    protocol = data.protocol if split == "test" and hasattr(data, "protocol") else Protocol.OWN
    return {
        "reference": data.reference(split)._asdict(),
        "reals": reals,
        "fakes": fakes,
        "protocol": protocol.name,
        **evaluated_with(module),
        "versions": {name: version(name) for name in PACKAGES},
        **origin(trainer, module),
    }


def evaluated_with(module: LightningModule) -> dict[str, str]:
    """Weights, statistics of norm layers and dropout of the evaluation, as the paper says."""
    if not isinstance(module, EvaluationFacts):
        return dict.fromkeys(("weights", "norm", "dropout"), UNDECLARED)
    return {"weights": module.eval_weights(), "norm": module.eval_norm(), "dropout": module.eval_dropout()}


def extractor_card(extractor: Extractor, protocol: Protocol) -> dict[str, Any]:
    """What belongs beside the scores of features."""
    constants = protocol.value._asdict()
    kept = ("inception_splits", "neighbours", "density_neighbours", "kid_subsets", "kid_subset_size")
    return {
        "extractor": {name: getattr(extractor, name) for name in ("name", "resize", "sha256")},
        "conventions": {name: constants[name] for name in kept if constants["kid_subsets"] or "subset" not in name},
    }


def check_extractor(extractor: Extractor, protocol: Protocol) -> None:
    """Refuse an Inception that brings images to its size in another way than the protocol does.

    Raises:
        ValueError: naming both ways.
    """
    wanted = protocol.value.inception_resize
    if wanted and "inception" in extractor.name and extractor.resize != wanted:
        raise ValueError(
            f"By the convention {protocol.name} images come to Inception by {wanted}; this extractor's way is "
            f"{extractor.resize}. Set the extractor's init_args.resize to {value_of(wanted)}, or leave out "
            "data.init_args.protocol."
        )


def value_of(resize: str) -> str:
    """What ``init_args.resize`` is where the card says ``resize``."""
    return next(way.name for way in Resize if resize.startswith(way.value))


def origin(trainer: Trainer, module: LightningModule) -> dict[str, Any]:
    """Which weights were scored, where, and by which code."""
    kinds = {"model": module, "data": trainer.datamodule}
    return {
        **{name: f"{type(one).__module__}.{type(one).__qualname__}" for name, one in kinds.items()},
        **weights_scored(trainer),
        "seed": keyed.run_seed(),
        "precision": str(trainer.precision),
        "processes": trainer.world_size,
        "device": device_name(module.device),
        "commit": commit(),
    }


def weights_scored(trainer: Trainer) -> dict[str, Any]:
    """Training seed, generator update, and the checkpoint where one was loaded."""
    if trainer.state.fn == "fit" or not trainer.ckpt_path:
        return {"training_seed": keyed.run_seed(), "update": trainer.global_step, "checkpoint": None}
    path = Path(trainer.ckpt_path)
    held = load_content(path)
    return {
        "training_seed": held.get("hyper_parameters", {}).get("seed_everything"),  # of `fit` on the command line
        "update": held["global_step"],
        "checkpoint": {"name": path.name, "sha256": sha256_of(path)},
    }


def device_name(device: torch.device) -> str:
    """The processor: "cpu, 2 threads", or the name of the GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{device.type}, {threads} thread{'s' * (threads > 1)}"


@lru_cache
def commit() -> str | None:
    """The commit of this package's checkout when this was first asked, which is when a run begins; None where it is
    installed. It has "+" where files were changed since, or source files added."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    status = "status", "--porcelain"
    added = *status, "--untracked-files=all", "--", "lightning_cgan", "datamodules"
    try:
        head, *changed = (
            subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True, timeout=10).stdout
            for words in (("rev-parse", "HEAD"), (*status, "--untracked-files=no"), added)
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return head.strip() + "+" * any(lines.strip() for lines in changed)
