"""Learning-rate and growth schedules; all can be imported from here, as in ``lightning_cgan.schedules.constant``."""

from lightning_cgan.short_names import short_names

__getattr__, __dir__ = short_names(__name__, __path__[0])
