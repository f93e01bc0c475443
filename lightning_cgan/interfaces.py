"""What the suite may ask of a paper and of a data module, with defaults, and the checks that both fit together."""

from collections.abc import Iterable
from typing import Any, ClassVar, get_type_hints

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.optim.swa_utils import AveragedModel

from lightning_cgan.batches import ImageSpec, Labelled, PairSpec, PartlyLabelled
from lightning_cgan.errors import UserError

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


class DataFacts:
    """What the suite may ask of a data module, with defaults. Put it before ``LightningDataModule``.

    Attributes:
        training_batch: the kind of batch that it trains with.
        class_names: what users call class 0, 1, ...; empty where classes have numbers alone.
    """

    training_batch: ClassVar[type] = Labelled
    class_names: tuple[str, ...] = ()


def class_names(data: object) -> tuple[str, ...]:
    """Those of ``data``, a data module; none of one that does not say."""
    return data.class_names if isinstance(data, DataFacts) else ()


def with_classes(spec: ImageSpec, paper: str) -> ImageSpec:
    """``spec``, for a paper that cannot do without labels.

    Raises:
        UserError: if the data set has no classes.
    """
    if not spec.num_classes:
        raise UserError(
            f"{paper} needs labelled images; this data set has no classes. "
            "Set data to a labelled set, or model.class_path to an unconditional paper."
        )
    return spec


def with_few_labels(data: object, paper: str) -> None:
    """Refuse ``data``, a data module, where it says that its training batches are other than ``PartlyLabelled``.

    Raises:
        UserError: naming the view that makes them so.
    """
    kind = getattr(data, "training_batch", PartlyLabelled)
    if kind is not PartlyLabelled:
        raise UserError(
            f"{paper} learns from few labelled and many unlabelled images; met {type(data).__name__}, all labelled. "
            "Set data.class_path to datamodules.SemiLabelled, and its init_args.data to this set."
        )


def training_batch(side: Any) -> type:
    """The kind of batch that a paper reads, or a data module gives."""
    return getattr(side, "training_batch", Labelled)


def spec_of(data: Any) -> ImageSpec | PairSpec:
    """The ``spec`` of a data module.

    Raises:
        UserError: for one that does not say it, with what to add.
    """
    spec = getattr(data, "spec", None)
    if not isinstance(spec, ImageSpec | PairSpec):
        got = f"a spec {spec!r}" if spec is not None else "no spec"
        raise UserError(
            "A data module says the shape of its images before any is read, as a lightning_cgan.batches.ImageSpec, or "
            f"of two domains as a PairSpec; {type(data).__name__} has {got}. Add to the class, with its own numbers: "
            "spec = ImageSpec(channels=3, size=64, num_classes=0)."
        )
    return spec


def check_batches(module: Any, data: Any) -> None:
    """Refuse data whose training batches a paper cannot read.

    Raises:
        UserError: naming both kinds of batch.
    """
    asked, given = training_batch(module), training_batch(data)
    few = (asked, given) == (PartlyLabelled, Labelled)  # SGAN itself says more about it
    if given is not asked and not few:
        raise UserError(
            f"{type(module).__name__} trains on {asked.__name__} batches; {type(data).__name__} gives "
            f"{given.__name__} ones. Set data, or model.class_path to a paper for such data."
        )


def fitting_spec(spec: Any, model: Any) -> Any:
    """``spec`` of a data set, if it is of the kind that ``model``, a paper's class, is made from.

    Raises:
        UserError: for a paper on one domain with data of two, or the other way round.
    """
    asked = get_type_hints(model.__init__).get("spec", type(spec))
    if asked is not type(spec):
        domains = {ImageSpec: "one domain", PairSpec: "two domains"}
        raise UserError(
            f"{model.__name__} learns from data of {domains.get(asked, asked)}; met data of "
            f"{domains.get(type(spec), spec)}. Set data, or model.class_path to a paper for such data."
        )
    return spec


def without_classes(spec: ImageSpec) -> ImageSpec:
    """``spec`` for an unconditional paper, which ignores the labels of the data."""
    return spec._replace(num_classes=0)
