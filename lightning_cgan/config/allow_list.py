"""The allow-list of modules whose classes a YAML file, a flag or a checkpoint may name."""

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
# The parts of the suite that runs are built from. Modules that read configurations are left out: called from a
# configuration, they could trust another package.
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
TOPS = {package.partition(".")[0] for package in STANDARD}  # never a user's own, even if in the working directory
ALLOWED = (*STANDARD[1:], *(f"lightning_cgan.{part}" for part in PARTS))
BY_WHOLE_NAME = " by its whole name, such as datamodules.Digits or lightning_cgan.papers.GAN"


class NotAllowed(UserError, ImportError):
    """Raised for a name outside the allow-list, or for one that does not fit the type of its argument.

    Also an ImportError, because jsonargparse treats that as a value of the wrong type.
    """


class Refusal(NamedTuple):
    """A refused name and its error message; ``expected`` is set if the name was of the wrong kind."""

    name: str
    message: str
    expected: str = ""


@dataclass
class AllowList:
    """Decides which modules may be imported because a configuration names them.

    Args:
        trusted: packages or modules allowed in addition to the standard ones.
        folder: its modules are allowed too; the working directory of a command, None for a checkpoint.
        sources: for error messages, where each name was read: the file or flag, and the key.
        files: for error messages, the configuration files of a command, in order.
    """

    trusted: tuple[str, ...] = ()
    folder: Path | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    refused: list[Refusal] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    announced: set[Path] = field(default_factory=set)

    def check_name(self, name: str) -> None:
        """Check the dotted path ``name`` before anything is imported.

        Raises:
            NotAllowed: if it is not allowed; the message says where it was read and names ``--trust``.
        """
        if self.is_standard(name) or within(name, self.trusted):
            return
        source = own_source(self.folder, name) if self.folder else None
        if source is None:
            raise self.refusal(
                name,
                f"Configurations and checkpoints may name classes of {', '.join(STANDARD)}"
                f"{' and of modules in the working directory' if self.folder else ''}; got {name}{self.where(name)}. "
                f"Use another class{self.remedy(name) if '.' in name else BY_WHOLE_NAME}.",
            )
        self.announce(source, name)

    def is_standard(self, name: str) -> bool:
        """Whether ``name`` is in a package that is always allowed; never if a part begins with two underscores."""
        return within(name, ALLOWED) and not any(part.startswith("__") for part in name.split("."))

    def is_own(self, module: str | None) -> bool:
        """Whether an imported ``module`` is the user's: in a trusted package, or a file in the folder."""
        if module is None or self.is_standard(module):
            return False
        if within(module, self.trusted):
            return True
        loaded = sys.modules.get(module) if module.partition(".")[0] not in TOPS else None
        return bool(self.folder and loaded and is_of_folder(self.folder, loaded))

    def check_origin(self, name: str, module: str | None) -> None:
        """Check that ``module``, which defines the object ``name``, is allowed: ``torch.nn.modules.os.system`` is not.

        Raises:
            NotAllowed: if it is not.
        """
        if module is None or not (self.is_standard(module) or self.is_own(module)):
            raise self.refusal(
                name,
                f"A class path must name an object that its own package defines; got {name}{self.where(name)}, which "
                f"is defined in {module or 'no module'}. Use another class{self.remedy(module or name)}.",
            )

    def refusal(self, name: str, message: str, expected: str = "") -> NotAllowed:
        """The error to raise for ``name``; also recorded, because jsonargparse may bury it among other errors."""
        self.refused.append(Refusal(name, message, expected))
        return NotAllowed(message)

    def wrong_kind(self, name: str, kind: str, expected: str) -> NotAllowed:
        """The error to raise for a ``kind`` of object (class, function, ...) where another is ``expected``."""
        source = self.sources.get(name, "the configuration")
        message = f"{expected} is expected here; got the {kind} {name}. Change {source}."
        return self.refusal(name, message, expected)

    def reason(self, message: str) -> str | None:
        """The refusal behind an error ``message`` of jsonargparse; None if there is none.

        A name that at least one type of a union accepted is not the cause. If all types refused it, all that they
        expected is listed.
        """
        causes = [one for one in self.refused if one.message in message and one.name not in self.accepted]
        if not causes:
            return None
        first = next((refusal for refusal in causes if not refusal.expected), causes[0])
        expected = dict.fromkeys(refusal.expected for refusal in causes if refusal.name == first.name)
        return first.message.replace(first.expected, " or ".join(expected), 1) if first.expected else first.message

    def where(self, name: str) -> str:
        return f", in {self.sources[name]}" if name in self.sources else ""

    def remedy(self, name: str) -> str:
        package = name.partition(".")[0]
        if not package.isidentifier():
            return ""
        flag = f"--trust {package}" if self.folder else f'trust=("{package}",)'
        return f", or allow its code to run with {flag}"

    def announce(self, source: Path, name: str) -> None:
        """Report, once for each file of the folder, that it will be run, and make it importable."""
        assert self.folder is not None
        if source in self.announced:
            return
        self.announced.add(source)
        reason = self.sources.get(name, "the configuration")
        info(f"{source.relative_to(self.folder)} is run because {reason} names {name}")
        if PathFinder.find_spec(name.partition(".")[0]) is None:  # a script, unlike `python -m`, does not search here
            sys.path.append(str(self.folder))


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def own_source(folder: Path, name: str) -> Path | None:
    """The Python file in ``folder`` that importing ``name`` would run, located without importing anything.

    None if there is none, or if Python would import an installed package or a standard library module of that name.
    """
    parts = name.split(".")
    top = parts[0]
    if top in TOPS or top in sys.stdlib_module_names:
        return None
    if not all(part.isidentifier() and not part.startswith("__") for part in parts):
        return None
    if top in sys.modules and not is_of_folder(folder, sys.modules[top]):
        return None
    source, searched = None, folder
    for part in parts:
        spec = FileFinder(str(searched), (SourceFileLoader, [".py"])).find_spec(part)
        if spec is None:
            break
        searched = Path((spec.submodule_search_locations or [""])[0])
        file = Path(spec.origin) if spec.has_location and spec.origin else searched
        if not is_inside(folder, file):
            return None
        source = file if spec.has_location else source
        if not spec.submodule_search_locations:
            break
    return source if source and imported_from(folder, top) else None


def imported_from(folder: Path, top: str) -> bool:
    """Whether importing the module ``top`` would use the one in ``folder``, or find none at all."""
    spec = PathFinder.find_spec(top)
    if spec is None:
        return True
    paths = [spec.origin] if spec.has_location else list(spec.submodule_search_locations or [])
    return is_inside(folder, Path(str(paths[0])))


def library_folders() -> list[Path]:
    """The folders of the standard library and of installed packages."""
    known = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return [Path(path).resolve() for path in [*known, *site.getsitepackages(), site.getusersitepackages()]]


def is_inside(folder: Path, file: Path) -> bool:
    """Whether ``file``, with links resolved, is in ``folder`` and not in an installed package there."""
    real = file.resolve()
    return real.is_relative_to(folder.resolve()) and not any(real.is_relative_to(path) for path in library_folders())


def is_of_folder(folder: Path, module: ModuleType) -> bool:
    """Whether all files of an imported ``module`` are in ``folder``."""
    names = vars(module)
    files = [names["__file__"]] if names.get("__file__") else list(names.get("__path__", []))
    return bool(files) and all(is_inside(folder, Path(str(file))) for file in files)
