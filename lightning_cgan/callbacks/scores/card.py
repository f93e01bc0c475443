"""The evaluation card: how a score was measured, and where it came from. Scores compare if their cards agree."""

import subprocess
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from lightning_cgan import keyed
from lightning_cgan.errors import UserError
from lightning_cgan.extractors.extractors import Extractor
from lightning_cgan.extractors.resizing import Resize
from lightning_cgan.extractors.weights_registry import sha256_of
from lightning_cgan.interfaces import UNDECLARED, PaperFacts, data_facts
from lightning_cgan.protocol import Protocol
from lightning_cgan.runs.checkpoint_files import load_content
from lightning_cgan.short_names import import_name

PACKAGES = ("lightning-cgan", "torch", "torchvision", "lightning", "torchmetrics", "torch-fidelity")


def card(trainer: Trainer, module: LightningModule, split: str, reals: int, fakes: int) -> dict[str, Any]:
    """The part of the card that all scores of ``split`` share, with the numbers of images that were scored."""
    data = data_facts(trainer.datamodule)
    protocol = data.protocol if split == "test" else Protocol.OWN
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
    """The weights, norm statistics and dropout of the evaluation, as the paper declares them."""
    if not isinstance(module, PaperFacts):
        return dict.fromkeys(("weights", "norm", "dropout"), UNDECLARED)
    return {"weights": module.eval_weights(), "norm": module.eval_norm(), "dropout": module.eval_dropout()}


def extractor_card(extractor: Extractor, protocol: Protocol) -> dict[str, Any]:
    """The part of the card of scores that use an extractor's features."""
    constants = protocol.value._asdict()
    shown = ("inception_splits", "neighbours", "density_neighbours", "kid_subsets", "kid_subset_size")
    return {
        "extractor": {"name": extractor.name, "resize": extractor.resize, "sha256": extractor.sha256},
        "conventions": {name: constants[name] for name in shown if constants["kid_subsets"] or "subset" not in name},
    }


def check_extractor(extractor: Extractor, protocol: Protocol) -> None:
    """Refuse an Inception extractor whose resize differs from that of the protocol.

    Raises:
        UserError: naming both.
    """
    wanted = protocol.value.inception_resize
    if wanted and "inception" in extractor.name and extractor.resize != wanted:
        raise UserError(
            f"The protocol {protocol.name} resizes images for Inception by {wanted}; got an extractor with "
            f"{extractor.resize}. Set the extractor's init_args.resize to {value_of(wanted)}, or leave out "
            "data.init_args.protocol."
        )


def value_of(resize: str) -> str:
    """The value of ``init_args.resize`` for the ``resize`` of a card."""
    return next(way.name for way in Resize if resize.startswith(way.value))


def origin(trainer: Trainer, module: LightningModule) -> dict[str, Any]:
    """Which weights were scored, on which machine and with which code."""
    kinds = {"model": module, "data": trainer.datamodule}
    return {
        **{name: import_name(type(one)) for name, one in kinds.items()},
        **weights_scored(trainer),
        "seed": keyed.run_seed(),
        "precision": str(trainer.precision),
        "processes": trainer.world_size,
        "device": device_name(module.device),
        "commit": commit(),
    }


def weights_scored(trainer: Trainer) -> dict[str, Any]:
    """Training seed, generator update, and the checkpoint if one was loaded."""
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
    """The device for the card: "cpu, 2 threads", or the name of the GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{device.type}, {threads} thread{'s' * (threads > 1)}"


@lru_cache
def commit() -> str | None:
    """The commit of this package's checkout at the first call, which is at the start of a run; None if it is installed.

    A "+" is appended if files were changed since the commit, or source files added.
    """
    root = Path(__file__).parents[3]
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
