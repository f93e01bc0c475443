"""Crash-safe checkpoint IO for a Trainer: a kill, a full disk or a changed bit costs at most one save."""

import os
from pathlib import Path
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Trainer

from lightning_cgan import checksum
from lightning_cgan.checksum import DamagedFile
from lightning_cgan.errors import UserError
from lightning_cgan.runs.checkpoint_files import LAST, PREVIOUS, tell_unsealed
from lightning_cgan.runs.files import rename_broken, replacing


class SafeCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, syncs and renames; keeps the previous ``last.ckpt``; reads only files that verify.

    Lightning writes to the system's temporary folder and moves the file, which on another file system is a copy over
    the good checkpoint. Paths with a scheme, such as ``s3://…``, are left to Lightning.
    """

    def __init__(self) -> None:
        self.known: dict[Path, tuple[int, ...]] = {}  # verified files, with their signature at that time

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        if "://" in str(path) or storage_options is not None:
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        for taken in (path, path.with_name(PREVIOUS)):
            if taken.is_dir():  # a folder would make every save fail
                rename_broken(taken, "it is a folder")
        rotates = path.name == LAST and self.is_good(path)
        with replacing(path, path.with_name(PREVIOUS) if rotates else None) as file:
            checksum.save(checkpoint, file)
        self.known[path] = signature(path)

    def is_good(self, path: Path) -> bool:
        """Whether the file verifies and may become the previous checkpoint; a damaged one is set aside."""
        if not path.is_file():
            return False
        if self.known.get(path) == signature(path):
            return True
        try:
            with open(path, "rb") as file:
                checksum.check(file)
        except (DamagedFile, OSError) as error:
            rename_broken(path, str(error))
            return False
        return True

    def load_checkpoint(
        self, path: Any, map_location: Any = lambda storage, _: storage, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """The content of the file, checked.

        Raises:
            UserError: if it is damaged.
            OSError: if it cannot be read.
        """
        if "://" in str(path):
            return super().load_checkpoint(path, map_location, weights_only)
        try:
            content, sealed = checksum.load(path, map_location)
        except DamagedFile as cause:
            raise UserError(f"A checkpoint must be as it was written; got {path}: {cause}. Set ckpt_path.") from cause
        if not sealed:
            tell_unsealed(str(path))
        return dict(content)


def signature(path: Path) -> tuple[int, ...]:
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns


def install(trainer: Trainer) -> None:
    """Install the safe IO in ``trainer``, unless it was given another checkpoint IO."""
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
        trainer.strategy.checkpoint_io = SafeCheckpointIO()
