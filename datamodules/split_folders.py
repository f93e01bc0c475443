"""What sets of two domains that lie in folders have in common: where each split is, and when it is looked at."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from datamodules.layouts import Folders, check_layout, check_share, home, places, told
from datamodules.translation import Domains, TranslationDataModule

File = TypeVar("File", str, tuple[str, str])


class SplitFolders(TranslationDataModule):
    """Base of the folders of two domains. A subclass says which there are, and reads them.

    Where both ``val`` and ``test`` are there, each is what it is called. Where only one is, ``test`` scores it, and
    a ``share`` of the training pictures is held out to select checkpoints by; where none is, as many again are held out
    for ``test``. Which ones depends on the name of each picture, or pair, below its folder: they are the same in every
    run, and stay so when others come or go (:func:`datamodules.splits.held_out_by_name`). The evaluation card tells
    what was measured on. Links are followed wherever they lead.

    Args:
        root: holds the folders.
        share: expected of the training pictures, at most 1/3, for a split without a folder.
        loading: of :class:`~datamodules.translation.TranslationDataModule`.

    Raises:
        ValueError: for another share; on ``prepare_data``, before training, and on ``setup`` if folders are missing.
    """

    known_splits = ("train", "val", "test")
    ways: str  # in which the training folders may lie, for messages

    def __init__(self, root: str, share: float, **loading: Any) -> None:
        super().__init__(**loading)
        check_share(share)
        self.root, self.share = Path(root), share
        self.folders: Folders = {}

    def found(self) -> Folders:
        """The folders of each split that there is."""
        raise NotImplementedError

    def read(self, split: str, folders: tuple[Path, ...]) -> Domains:
        """The pictures of ``split``, which lie in ``folders``, checked."""
        raise NotImplementedError

    def prepare_data(self) -> None:
        """Look at everything before training begins, and before an earlier run is moved."""
        if self.trainer is None or self.trainer.training:
            for split in ("train", "val", "test"):
                self.domains(split)

    def load(self, split: str) -> Domains:
        self.folders = self.found()
        check_layout(self.root, self.folders, split, self.ways)
        return self.read(split, self.folders[home(split, self.folders)])

    def part(self, files: Sequence[File], split: str, folder: Path) -> list[File]:
        """Those of ``files``, which are all that lie in ``folder``, that belong to ``split``.

        Of pairs the picture in ``folder`` comes first.
        """
        paths = [file if isinstance(file, str) else file[0] for file in files]
        return [files[place] for place in places(paths, split, self.folders, self.share, folder)]

    def measured_on(self, split: str) -> str:
        return told(split, self.folders or self.found(), self.share)
