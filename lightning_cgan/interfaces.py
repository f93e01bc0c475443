"""What the suite may ask of a paper, with defaults."""

from collections.abc import Iterable

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.optim.swa_utils import AveragedModel

RAW, AVERAGE = "raw", "average"
RUNNING, NONE = "running statistics", "none"
EACH_IMAGE, EACH_BATCH = "statistics of each image", "statistics of each batch"


class EvaluationFacts(nn.Module):
    """What a paper says of its own evaluation, for the evaluation card. Put it before ``LightningModule``."""

    def evaluated_networks(self) -> dict[str, nn.Module]:
        """By role, the networks that make or classify the images that are scored."""
        return {"generator": self.get_submodule("generator")}

    def eval_weights(self) -> str:
        """Whether their weights are those last trained ("raw") or a running average of them ("average")."""
        kinds = {role: weights_of(network) for role, network in self.evaluated_networks().items()}
        alike = len(set(kinds.values())) == 1
        return next(iter(kinds.values())) if alike else ", ".join(f"{kind} {role}" for role, kind in kinds.items())

    def eval_norm(self) -> str:
        """Which statistics their norm layers take in an evaluation."""
        return statistics_of(self.evaluated_networks().values())

    def eval_dropout(self) -> str:
        """Whether they drop in an evaluation: "on" or "off"."""
        return "off"


def weights_of(network: nn.Module) -> str:
    """ "average" of a network that averages another's weights, else "raw"."""
    return AVERAGE if isinstance(network, AveragedModel) else RAW


def statistics_of(networks: Iterable[nn.Module], gathered: str = RUNNING) -> str:
    """Which statistics the norm layers of ``networks`` take in an evaluation.

    Args:
        networks: that are evaluated.
        gathered: what is taken in place of the running statistics that a layer has gathered.
    """
    found = []
    for layer in (layer for network in networks for layer in network.modules()):
        if isinstance(layer, _BatchNorm | _InstanceNorm) and layer.track_running_stats:
            found.append(gathered)
        elif isinstance(layer, _BatchNorm):
            found.append(EACH_BATCH)
        elif isinstance(layer, _InstanceNorm):
            found.append(EACH_IMAGE)
    return " and ".join(dict.fromkeys(found)) or NONE
