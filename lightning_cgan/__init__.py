"""PyTorch Lightning experiment suite for conditional GANs."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["build", "load"]


def __getattr__(name: str) -> Any:
    if name in __all__:  # on demand: the command line and Lightning take seconds to import
        from lightning_cgan import api

        return vars(api)[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
