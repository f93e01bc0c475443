"""The allow-list: which modules a YAML file, a flag or a checkpoint may name."""

import site
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.machinery import FileFinder, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from lightning_cgan.console import info
from lightning_cgan.errors import UserError

STANDARD = ("lightning_cgan", "datamodules", "torch.nn", "torch.optim", "lightning", "torchmetrics", "torchvision")
# Of the suite, what a run is made of; not what reads configurations, which could be told to trust another package.
PARTS = (
    "papers",
    "networks",
    "losses",
    "metrics",
    "extractors",
    "callbacks",
    "optimize",
    "schedules",
    "runs.csv_log",
    "runs.wandb_log",
)
TOPS = {package.partition(".")[0] for package in STANDARD}  # never a user's own, though in the folder
ALLOWED = (*STANDARD[1:], *(f"lightning_cgan.{part}" for part in PARTS))


class NotAllowed(UserError, ImportError):
    """A name outside the allow-list, or one that its place in the configuration cannot take.

    An ImportError too, which jsonargparse takes for a value that does not fit its type.
    """


class Refusal(NamedTuple):
    """A name that was refused: what was said, and what kind of thing was wanted instead, if that was the matter."""

    name: str
    told: str
    wanted: str = ""


@dataclass
class AllowList:
    """What may be imported because a configuration names it.

    Args:
        trusted: packages or modules beside the standard ones.
        folder: whose modules are allowed too, the working directory of a command; None for a checkpoint.
        places: where each name was read, for messages: the file or flag, and the key.
    """

    trusted: tuple[str, ...] = ()
    folder: Path | None = None
    places: Mapping[str, str] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    announced: set[Path] = field(default_factory=set)

    def check_name(self, name: str) -> None:
        """Refuse ``name``, a dotted path, before anything is imported.

        Raises:
            NotAllowed: naming where it was read, and ``--trust``.
        """
        if self.is_standard(name) or within(name, self.trusted):
            return
        source = own_source(self.folder, name) if self.folder else None
        if source is None:
            raise self.refusal(
                name,
                f"A file, a flag or a checkpoint may name classes of {', '.join(STANDARD)}"
                f"{' or of modules in this folder' if self.folder else ''}; got {name}{self.place(name)}. "
                f"Name another{self.remedy(name)}.",
            )
        self.announce(source, name)

    def is_standard(self, name: str) -> bool:
        """Whether ``name`` lies in a package that is always allowed. What begins with two underscores never does."""
        return within(name, ALLOWED) and not any(part.startswith("__") for part in name.split("."))

    def is_own(self, module: str | None) -> bool:
        """Whether an imported ``module`` is the user's: of a trusted package, or of a file in the folder."""
        if module is None or self.is_standard(module):
            return False
        if within(module, self.trusted):
            return True
        loaded = sys.modules.get(module) if module.partition(".")[0] not in TOPS else None
        return bool(self.folder and loaded and lies_in(self.folder, loaded))

    def check_origin(self, name: str, module: str | None) -> None:
        """Refuse what ``name`` led to if it is defined in ``module``, elsewhere: ``torch.nn.modules.os.system``."""
        if module is None or not (self.is_standard(module) or self.is_own(module)):
            raise self.refusal(
                name,
                f"A class path leads to what its own package defines; got {name}{self.place(name)}, which is of "
                f"{module or 'no module'}. Name another{self.remedy(module or name)}.",
            )

    def refusal(self, name: str, told: str, wanted: str = "") -> NotAllowed:
        """The error to raise. It is kept too: jsonargparse may hide it among what other types said of the value."""
        self.refused.append(Refusal(name, told, wanted))
        return NotAllowed(told)

    def misfit(self, name: str, kind: str, wanted: str) -> NotAllowed:
        """The error to raise for a ``kind`` of thing where another is ``wanted``."""
        where = self.places.get(name, "the configuration")
        told = f"{wanted} is wanted here; got the {kind} {name}. Name another in {where}."
        return self.refusal(name, told, wanted)

    def reason(self, message: str) -> str | None:
        """What to tell the user of a ``message`` of jsonargparse that has refusals in it, or None.

        A name that one of several types accepted was not the matter. Where none did, all that were wanted are named.
        """
        matter = [refusal for refusal in self.refused if refusal.told in message and refusal.name not in self.accepted]
        if not matter:
            return None
        first = next((refusal for refusal in matter if not refusal.wanted), matter[0])
        wanted = dict.fromkeys(refusal.wanted for refusal in matter if refusal.name == first.name)
        return first.told.replace(first.wanted, " or ".join(wanted), 1) if first.wanted else first.told

    def place(self, name: str) -> str:
        return f", in {self.places[name]}" if name in self.places else ""

    def remedy(self, name: str) -> str:
        package = name.partition(".")[0]
        if not package.isidentifier():
            return ""
        flag = f"--trust {package}" if self.folder else f'trust=("{package}",)'
        return f", or if its code may run: {flag}"

    def announce(self, source: Path, name: str) -> None:
        """Say once of each file in the folder that it is run, and let Python find it."""
        assert self.folder is not None
        if source in self.announced:
            return
        self.announced.add(source)
        reason = self.places.get(name, "the configuration")
        info(f"{source.relative_to(self.folder)} is run because {reason} names {name}")
        if PathFinder.find_spec(name.partition(".")[0]) is None:  # the script, unlike `python -m`, does not look here
            sys.path.append(str(self.folder))


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def own_source(folder: Path, name: str) -> Path | None:
    """The Python file in ``folder`` that importing ``name`` would run, found without importing anything.

    None where there is none, or where Python would import an installed package or its own library by that name.
    """
    parts = name.split(".")
    top = parts[0]
    if top in TOPS or top in sys.stdlib_module_names:
        return None
    if not all(part.isidentifier() and not part.startswith("__") for part in parts):
        return None
    if top in sys.modules and not lies_in(folder, sys.modules[top]):
        return None
    found, searched = None, folder
    for part in parts:
        spec = FileFinder(str(searched), (SourceFileLoader, [".py"])).find_spec(part)
        if spec is None:
            break
        searched = Path((spec.submodule_search_locations or [""])[0])
        file = Path(spec.origin) if spec.has_location and spec.origin else searched
        if not is_inside(folder, file):
            return None
        found = file if spec.has_location else found
        if not spec.submodule_search_locations:
            break
    return found if found and imported_from(folder, top) else None


def imported_from(folder: Path, top: str) -> bool:
    """Whether Python, asked for the module ``top``, would find that in ``folder``, or none at all."""
    spec = PathFinder.find_spec(top)
    if spec is None:
        return True
    places = [spec.origin] if spec.has_location else list(spec.submodule_search_locations or [])
    return is_inside(folder, Path(str(places[0])))


def library_places() -> list[Path]:
    """The folders of Python's library and of installed packages."""
    named = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return [Path(place).resolve() for place in [*named, *site.getsitepackages(), site.getusersitepackages()]]


def is_inside(folder: Path, file: Path) -> bool:
    """Whether ``file`` itself, not a link to it, lies in ``folder``, and not among installed packages in there."""
    real = file.resolve()
    return real.is_relative_to(folder.resolve()) and not any(real.is_relative_to(place) for place in library_places())


def lies_in(folder: Path, module: ModuleType) -> bool:
    names = vars(module)
    files = [names["__file__"]] if names.get("__file__") else list(names.get("__path__", []))
    return bool(files) and all(is_inside(folder, Path(str(file))) for file in files)
