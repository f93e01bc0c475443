"""What the exact result of a run depends on: machine, versions, precision, processes and torch switches."""

import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer

PACKAGES = ("torch", "torchvision", "lightning", "torchmetrics", "scikit-image")


def environment(trainer: Trainer) -> dict[str, str | int | bool]:
    """The environment of this process, as plain values that a checkpoint can hold."""
    device = trainer.strategy.root_device
    return {
        "precision": str(trainer.precision),
        "processes": trainer.world_size,
        "strategy": type(trainer.strategy).__name__,
        "accelerator": type(trainer.accelerator).__name__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else processor(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cudnn.benchmark": torch.backends.cudnn.benchmark,
        "matmul precision": torch.get_float32_matmul_precision(),
        "python": platform.python_version(),
        **{package: installed_version(package) for package in PACKAGES},
    }


@cache  # asked for at each save, and read from a file
def installed_version(package: str) -> str:
    """The installed version of a package."""
    return version(package)


@cache
def cpuinfo() -> str:
    """The content of /proc/cpuinfo; "" on systems without it."""
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.is_file() else ""


def has_bf16_units() -> bool:
    """Whether the GPU, or else the CPU, computes in bfloat16. A CPU that emulates it is many times slower."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(cpuinfo().split())


@cache
def processor() -> str:
    """The CPU model and the instruction set that torch uses."""
    lines = cpuinfo().splitlines()
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The changed values as sentences; values that an older checkpoint lacks are left out."""
    return [f"{key} was {before[key]}, now {now[key]}" for key in now if key in before and before[key] != now[key]]
