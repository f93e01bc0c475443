"""What ``predict`` draws on the way from one class to another."""

from collections.abc import Sequence

import torch
from torch.utils.data import Dataset

from datamodules.core.order import EvalRange
from lightning_cgan.batches import LatentBatch, blended
from lightning_cgan.errors import UserError


class Morphs(Dataset[LatentBatch]):
    """Latents on paths between classes, by ``EvalRange``: ``steps`` from the first to the second class, with one noise.

    Path after path; path k is of pair k modulo the number of pairs, and k keys its noise.

    Args:
        pairs: classes to go from and to.
        num_classes: of the set.
        steps: images on a path, both ends included.

    Raises:
        UserError: for fewer than two steps.
    """

    def __init__(self, pairs: Sequence[Sequence[int]], num_classes: int, steps: int) -> None:
        if steps < 2:
            raise UserError(
                f"Morphs lead from one class to another in two or more steps; got {steps}. "
                "Set data.init_args.predict_steps."
            )
        self.num_classes, self.pairs, self.steps = num_classes, torch.tensor(pairs), steps

    def __getitem__(self, at: EvalRange) -> LatentBatch:
        place = torch.arange(at.draws.start, at.draws.stop)
        path = place // self.steps
        share = torch.linspace(0, 1, self.steps)[place % self.steps]
        return LatentBatch(blended(self.pairs[path % len(self.pairs)], share, self.num_classes), path)
