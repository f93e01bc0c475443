"""Latents on paths between classes, for ``predict``."""

from collections.abc import Sequence

import torch
from torch.utils.data import Dataset

from datamodules.core.order import EvalRange
from lightning_cgan.batches import LatentBatch, blended
from lightning_cgan.errors import UserError


class Morphs(Dataset[LatentBatch]):
    """Latents on paths between classes, by ``EvalRange``; all ``steps`` of a path share one noise vector.

    Item i belongs to path i // steps; path k joins pair k modulo the number of pairs, and k keys its noise.

    Args:
        pairs: first and last class of each path.
        num_classes: of the set.
        steps: images on a path, including both ends.

    Raises:
        UserError: for fewer than two steps.
    """

    def __init__(self, pairs: Sequence[Sequence[int]], num_classes: int, steps: int) -> None:
        if steps < 2:
            raise UserError(f"A morph has two or more steps; got {steps}. Set data.init_args.predict_steps.")
        self.num_classes, self.pairs, self.steps = num_classes, torch.tensor(pairs), steps

    def __getitem__(self, at: EvalRange) -> LatentBatch:
        index = torch.arange(at.fake.start, at.fake.stop)
        path = index // self.steps
        share = torch.linspace(0, 1, self.steps)[index % self.steps]
        return LatentBatch(blended(self.pairs[path % len(self.pairs)], share, self.num_classes), path)
