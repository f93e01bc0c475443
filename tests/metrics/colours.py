"""An extractor that takes no time."""

from torch.nn.functional import adaptive_avg_pool2d

from lightning_cgan.extractors.digits import ClassifierOutput
from lightning_cgan.extractors.extractors import Extractor


class Colours(Extractor):
    """Mean colours of the quarters of an image."""

    name, resize, sha256 = "colours", "none", "0" * 64

    def forward(self, image):
        features = adaptive_avg_pool2d(image.float(), 2).flatten(1)
        return ClassifierOutput(features, features)
