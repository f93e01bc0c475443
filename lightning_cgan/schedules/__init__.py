"""Learning-rate and growth schedules; every one is importable from here, ``lightning_cgan.schedules.constant``."""

from lightning_cgan.short_names import short_names

__getattr__, __dir__ = short_names(__name__, __path__[0])
