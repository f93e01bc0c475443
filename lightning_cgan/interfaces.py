"""What the command line, the callbacks and the data modules may ask of a model, with defaults."""

from collections.abc import Iterable
from typing import Any, ClassVar, Protocol, runtime_checkable

from lightning.pytorch import Trainer
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.optim.swa_utils import AveragedModel

from lightning_cgan.contract import ImageSpec, Labelled, PairSpec

RAW, AVERAGE = "raw", "average"
RUNNING, NONE = "running statistics", "none"
EACH_IMAGE, EACH_BATCH = "statistics of each image", "statistics of each batch"


class PaperFacts:
    """What the suite may ask of a model, with defaults. Put it before ``LightningModule``; ``Paper`` has done so.

    Attributes:
        spec: of the data that the model is made for; None where it does not matter.
        training_batch: the kind of batch it trains on.
        n_critic: discriminator updates in one generator update, each on a batch of its own.
        mixes_classes: whether its generator takes weights of the classes in place of labels, as morphs need.
    """

    spec: ImageSpec | PairSpec | None = None
    training_batch: ClassVar[type] = Labelled
    n_critic: int = 1
    mixes_classes: ClassVar[bool] = False

    def n_critic_at(self, update: int) -> int:
        """``n_critic`` of generator update ``update``, counted from 0; the data module delivers as many batches."""
        return self.n_critic

    def batch_size_at(self, update: int) -> int | None:
        """Real images in one batch of generator update ``update``, over all processes; None: what the data say."""
        return None

    def check(self, trainer: Trainer) -> None:
        """Refuse what the model cannot be trained with by ``trainer``; asked before anything is written.

        Raises:
            UserError: naming what to change.
        """

    def networks(self) -> dict[str, tuple[nn.Module, ...]]:
        """The trained networks by role, as "generator" or "discriminator"; those of a role share an optimizer."""
        return {}

    def evaluated_networks(self) -> dict[str, nn.Module]:
        """By attribute name, the networks that generate or classify the images that are scored."""
        return {}

    def eval_weights(self) -> str:
        """Whether their weights are the last ones ("raw") or an exponential moving average ("average")."""
        kinds = {role: weights_of(network) for role, network in self.evaluated_networks().items()}
        alike = len(set(kinds.values())) == 1
        return next(iter(kinds.values())) if alike else ", ".join(f"{kind} {role}" for role, kind in kinds.items())

    def eval_norm(self) -> str:
        """Which statistics their norm layers use in evaluation."""
        return statistics_of(self.evaluated_networks().values())

    def eval_dropout(self) -> str:
        """Whether they use dropout in evaluation: "on" or "off"."""
        return "off"


def facts_of(model: Any) -> PaperFacts:
    """``model`` itself, or the defaults where it is another LightningModule or None."""
    return model if isinstance(model, PaperFacts) else PaperFacts()


@runtime_checkable
class HasLatentDim(Protocol):
    """A generator that takes noise (B, latent_dim)."""

    latent_dim: int


@runtime_checkable
class HasMultiple(Protocol):
    """A network whose input sides must be multiples of ``multiple`` pixels."""

    multiple: int


@runtime_checkable
class HasSmallest(Protocol):
    """A network whose input sides must be at least ``smallest`` pixels."""

    smallest: int


@runtime_checkable
class HasGroupSize(Protocol):
    """A discriminator with a minibatch standard deviation over groups of ``group_size`` images; None: over all."""

    group_size: int | None


@runtime_checkable
class HasScale(Protocol):
    """A super-resolution network, whose output is ``scale`` times larger than its input."""

    scale: int


def weights_of(network: nn.Module) -> str:
    """ "average" for a moving average of another network's weights, else "raw"."""
    return AVERAGE if isinstance(network, AveragedModel) else RAW


def statistics_of(networks: Iterable[nn.Module], gathered: str = RUNNING) -> str:
    """Which statistics the norm layers of ``networks`` use in evaluation.

    Args:
        networks: that are evaluated.
        gathered: what is used in place of the running statistics of a layer that has them.
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
