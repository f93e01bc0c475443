"""The attributes and methods of papers and data modules that the suite uses, with defaults, and checks of their fit."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, get_type_hints, runtime_checkable

from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.optim.swa_utils import AveragedModel

from lightning_cgan.batches import EvalBatch, ImageSpec, Labelled, Mixture, PairSpec, PartlyLabelled, Reference
from lightning_cgan.errors import UserError
from lightning_cgan.protocol import Protocol as EvalProtocol

RAW, AVERAGE = "raw", "average"
RUNNING, NONE = "running statistics", "none"
EACH_IMAGE, EACH_BATCH = "statistics of each image", "statistics of each batch"
UNDECLARED = "not declared"


class PaperFacts:
    """The interface of a model to the suite, with defaults. A base class before ``LightningModule``, as in ``Paper``.

    Attributes:
        spec: of the data that the model is made for; None: any data.
        training_batch: class of its training batches.
        n_critic: discriminator updates per generator update, each on a batch of its own.
        mixes_classes: whether its generator also takes class weights instead of labels, which morphs need.
    """

    spec: ImageSpec | PairSpec | None = None
    training_batch: ClassVar[type] = Labelled
    n_critic: int = 1
    mixes_classes: ClassVar[bool] = False

    def n_critic_at(self, update: int) -> int:
        """``n_critic`` of generator update ``update``, counted from 0; the data module yields as many batches."""
        return self.n_critic

    def batch_size_at(self, update: int) -> int | None:
        """Real images per batch at generator update ``update``, over all processes; None: the data's batch size."""
        return None

    def check(self, trainer: Trainer) -> None:
        """Refuse settings with which ``trainer`` cannot train the model; called before anything is written.

        Raises:
            UserError: with the setting to change.
        """

    def networks(self) -> dict[str, tuple[nn.Module, ...]]:
        """The trained networks by role, such as "generator"; the networks of a role share an optimizer."""
        return {}

    def evaluated_networks(self) -> dict[str, nn.Module]:
        """The networks used in evaluation, by attribute name."""
        return {}

    def eval_weights(self) -> str:
        """Whether their weights are the latest ("raw") or an exponential moving average ("average")."""
        kinds = {role: weights_of(network) for role, network in self.evaluated_networks().items()}
        alike = len(set(kinds.values())) == 1
        return next(iter(kinds.values())) if alike else ", ".join(f"{kind} {role}" for role, kind in kinds.items())

    def eval_norm(self) -> str:
        """The statistics that their norm layers use in evaluation."""
        return statistics_of(self.evaluated_networks().values())

    def eval_dropout(self) -> str:
        """Their dropout in evaluation: "on" or "off"."""
        return "off"


def facts_of(model: Any) -> PaperFacts:
    """``model``, or the defaults if it is another LightningModule or None."""
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
    """The statistics that the norm layers of ``networks`` use in evaluation.

    Args:
        networks: of the evaluation.
        gathered: text for layers with running statistics.
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


class ImageSource(Protocol):
    """N images with random access, for scores; :class:`datamodules.core.sources.ConcatSource` implements it.

    Attributes:
        label: (N,) int64, the class of each image.
    """

    label: Tensor

    def at(self, index: Tensor) -> Tensor:
        """The images (K, C, H, W) uint8 at ``index`` (K,)."""

    def sha256(self) -> str:
        """A hash of the content."""


class DataFacts:
    """The interface of a data module to papers, callbacks, the evaluation card and the command line, with defaults.

    :class:`datamodules.base.DataModule` implements it. A LightningDataModule of your own needs only ``spec``; its other
    members with these names are used too, see :func:`data_facts`. As a base class it comes before
    ``LightningDataModule``.

    Attributes:
        spec: channels, size and classes of the images, known before any is read. It has no default.
        training_batch: class of the batches of ``train_dataloader``.
        protocol: the evaluation protocol of ``test``.
        class_names: the names of class 0, 1, ...; empty if classes are only numbered. With a ``palette``, the names of
            its rows.
        palette: (K, 3) uint8, the colour of each class in label maps; None if neither domain has label maps.
        labels_in: the domain with label maps, "a" or "b"; None without a palette.
        evaluates_pairs: whether image i of b is the target for image i of a in evaluation batches.
        mixture: the known distribution of the data; None if unknown.
        mixtures: the known distributions of domains a and b; None if unknown.
    """

    spec: ImageSpec | PairSpec
    training_batch: ClassVar[type] = Labelled
    protocol: EvalProtocol = EvalProtocol.OWN
    class_names: tuple[str, ...] = ()
    palette: Tensor | None = None
    labels_in: str | None = None
    evaluates_pairs: bool = False
    mixture: Mixture | None = None
    mixtures: tuple[Mixture, Mixture] | None = None

    @property
    def _kind(self) -> str:
        """The name of the user's class, for messages."""
        return type(self).__name__

    def reference(self, split: str) -> Reference:
        """The reference of scores on ``split``, "val" or "test", for the card."""
        return Reference(split, 0, UNDECLARED)

    def reference_images(self, split: str, most: int | None = None) -> ImageSource:
        """The images of ``split``, "train", "val" or "test", without augmentation; ``most`` of them if there are more.

        Raises:
            UserError: if the data module does not define it.
        """
        raise UserError(
            f"Scores that compare with all {split} images read them from the data module; {self._kind} has no "
            "reference_images. Add it to the class as in lightning_cgan.interfaces.DataFacts, or omit the score."
        )

    def image_loader(self, split: str, most: int | None = None) -> Iterable[EvalBatch]:
        """This process' share of :meth:`reference_images`, in batches on the CPU without images to generate.

        Raises:
            UserError: if the data module does not define it.
        """
        self.reference_images(split, most)
        return []

    def probe(self) -> Sequence[NamedTuple]:
        """A few evaluation batches for monitoring, the same throughout a run and in every process; may be empty."""
        return []

    def names(self, split: str) -> Sequence[str]:
        """Names of the evaluation images of ``split``, in their order; empty if they are only numbered."""
        return []

    def scene(self, split: str) -> Tensor | None:
        """(N,) scene number of each evaluation image of ``split``; None: each image is a scene of its own."""
        return None


FACTS = tuple(name for name in {**DataFacts.__annotations__, **vars(DataFacts)} if not name.startswith("_"))


class OwnData(DataFacts):
    """The facts of a LightningDataModule that is not a :class:`DataFacts`: its own members, else the defaults."""

    def __init__(self, data: object) -> None:
        self._data = data
        for name in FACTS:
            if name in dir(data):
                setattr(self, name, getattr(data, name))  # a user's class declares no interface

    @property
    def _kind(self) -> str:
        return type(self._data).__name__


def data_facts(data: object) -> DataFacts:
    """``data`` if it is a :class:`DataFacts`, else its members of these names, with defaults.

    Args:
        data: a LightningDataModule, or None if the Trainer got data loaders.
    """
    return data if isinstance(data, DataFacts) else OwnData(data)


def with_classes(spec: ImageSpec, paper: str) -> ImageSpec:
    """``spec``, for a paper that needs labels.

    Raises:
        UserError: if the data set has no classes.
    """
    if not spec.num_classes:
        raise UserError(
            f"{paper} needs labelled images; this data set has no classes. "
            "Set data to a labelled set, or model.class_path to an unconditional paper."
        )
    return spec


def spec_of(data: Any) -> ImageSpec | PairSpec:
    """The ``spec`` of a data module.

    Raises:
        UserError: if it has none, with the line to add.
    """
    spec = getattr(data, "spec", None)  # of a user's class, which may not have it
    if not isinstance(spec, ImageSpec | PairSpec):
        got = f"a spec {spec!r}" if spec is not None else "no spec"
        raise UserError(
            "A data module gives the shape of its images before any is read, as a lightning_cgan.batches.ImageSpec, or "
            f"for two domains a PairSpec; {type(data).__name__} has {got}. Add to the class, with its own numbers: "
            "spec = ImageSpec(channels=3, size=64, num_classes=0)."
        )
    return spec


def check_batches(module: Any, data: Any) -> None:
    """Refuse data whose training batches a paper cannot read.

    Raises:
        UserError: with both classes of batches.
    """
    expected = facts_of(module).training_batch
    got = data.training_batch if isinstance(data, DataFacts) else Labelled
    if (expected, got) == (PartlyLabelled, Labelled):
        raise UserError(
            f"{type(module).__name__} learns from few labelled and many unlabelled images; got {type(data).__name__}, "
            "all labelled. Set data.class_path to datamodules.SemiLabelled, and its init_args.data to this set."
        )
    if got is not expected:
        raise UserError(
            f"{type(module).__name__} trains on {expected.__name__} batches; {type(data).__name__} gives "
            f"{got.__name__} ones. Set data, or model.class_path to a paper for such data."
        )


def check_same_images(module: Any, data: Any) -> None:
    """Refuse data with other channels or another size of images than a paper was made for.

    Raises:
        UserError: naming both.
    """
    made, given = module.spec, data_facts(data).spec
    length = 2 if isinstance(made, ImageSpec) else 4  # a paper may ignore the classes, a checkpoint the direction
    if type(made) is type(given) and made[:length] != given[:length]:
        raise UserError(
            f"A model trains on images of the shape it was made for; {type(module).__name__} was made for {made}, "
            f"{type(data).__name__} has {given}. Make the model with the spec of the data."
        )


def fitting_spec(spec: Any, model: Any) -> Any:
    """``spec`` of a data set, if its type is that of the constructor argument of ``model``, a paper's class.

    Raises:
        UserError: for a paper on one domain with data of two, or vice versa.
    """
    expected = get_type_hints(model.__init__).get("spec", type(spec))
    if expected is not type(spec):
        domains = {ImageSpec: "one domain", PairSpec: "two domains"}
        raise UserError(
            f"{model.__name__} learns from data of {domains.get(expected, expected)}; got data of "
            f"{domains.get(type(spec), spec)}. Set data, or model.class_path to a paper for such data."
        )
    return spec


def without_classes(spec: ImageSpec) -> ImageSpec:
    """``spec`` for an unconditional paper, which ignores the labels of the data."""
    return spec._replace(num_classes=0)
