"""What ``predict`` draws on the way from one class to another."""

import torch
from torch.utils.data import Dataset

from datamodules.order import Slices
from lightning_cgan.contract import Draws, blended


class Morphs(Dataset[Draws]):
    """Answers ``Slices`` with draws on paths between classes: ``steps`` from the first to the second, with one noise.

    Path after path; path k is of pair k modulo the number of pairs, and k keys its noise.

    Args:
        num_classes: of the set.
        pairs: classes to go from and to.
        steps: images on a path, both ends included.

    Raises:
        ValueError: for a class that the set does not have, or fewer than two steps.
    """

    def __init__(self, num_classes: int, pairs: list[tuple[int, int]], steps: int) -> None:
        if steps < 2 or not all(0 <= label < num_classes for pair in pairs for label in pair):
            raise ValueError(
                f"Morphs lead in two or more steps between classes from 0 to {num_classes - 1}; met {pairs} in {steps} "
                "steps. Set data.init_args.predict_morphs and data.init_args.predict_steps."
            )
        self.num_classes, self.pairs, self.steps = num_classes, torch.tensor(pairs), steps

    def __getitem__(self, at: Slices) -> Draws:
        place = torch.arange(at.draws.start, at.draws.stop)
        path = place // self.steps
        share = torch.linspace(0, 1, self.steps)[place % self.steps]
        return Draws(blended(self.pairs[path % len(self.pairs)], share, self.num_classes), path)
