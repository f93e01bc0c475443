"""Data sets as LightningDataModules. Every class is importable from here, as ``datamodules.Digits``."""

from lightning_cgan.short_names import short_names

__getattr__, __dir__ = short_names(__name__, __path__[0])
