"""An Inception without a download."""

import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3


class Untrained(FeatureExtractorInceptionV3):
    """torch-fidelity's Inception as constructed, whatever the weights file holds."""

    def load_state_dict(self, *_, **__):
        pass


def random_inception(path):
    """Writes a weights file in torch-fidelity's format, with random content, to ``path``; returns that."""
    torch.save({}, path)
    torch.manual_seed(0)
    torch.save(Untrained("x", ["2048"], feature_extractor_weights_path=str(path)).state_dict(), path)
    return str(path)
