"""One paper, one LightningModule; import every class from here, as in ``lightning_cgan.papers.ProjectionGAN``."""

from lightning_cgan.short_names import short_names

__getattr__, __dir__ = short_names(__name__, __path__[0])
