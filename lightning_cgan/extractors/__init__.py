"""Frozen networks that scores and perceptual losses use; every class is importable from here."""

from lightning_cgan.short_names import short_names

__getattr__, __dir__ = short_names(__name__, __path__[0])
