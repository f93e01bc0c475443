"""Style transfer by optimising pixels. Gatys, Ecker & Bethge, CVPR 2016.

No network is trained: each picture is a run of L-BFGS of its own. Networks that do it in one pass
(:mod:`lightning_cgan.papers.style_transfer`) are measured against it.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import LBFGS, Optimizer

from lightning_cgan.losses.perceptual import gatys_content_loss, gatys_style_loss, summed
from lightning_cgan.optimize import optimise_pixels

Optimizing = Callable[[list[Tensor]], Optimizer]
TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")  # of VGG-19, for the default places


def gatys(
    content: Tensor,
    style: Tensor,
    features: nn.Module,
    content_weight: float = 1.0,
    style_weight: float = 1e3,
    content_taps: Sequence[int] = (4,),
    style_taps: Sequence[int] = (0, 1, 2, 3, 5),
    optimizer: Optimizing | None = None,
    steps: int = 500,
    start: Tensor | None = None,
) -> tuple[Tensor, list[float]]:
    """The picture of ``content`` in the style of ``style``. Equation 7, with the pixels kept in [-1, 1].

    Args:
        content: (B, 3, H, W) in [-1, 1]. One optimizer is for all of them, so that each depends a little on the others;
            one at a time does not.
        style: (1, 3, h, w) in [-1, 1].
        features: images to taps; the defaults are for a VGG-19 with the taps ``TAPS``.
        content_weight: alpha.
        style_weight: beta; alpha / beta is 1e-3 or 1e-4 in the paper. The taps of the style share it equally.
        content_taps: places of the taps whose values are kept.
        style_taps: places of the taps whose Gram matrices are those of the style.
        optimizer: maps the pixels to an optimizer that takes a closure, like Adam; L-BFGS when None.
        steps: of it.
        start: (B, 3, H, W) where to begin; the paper begins with white noise. With the content when None, as the
            authors' later code does.

    Returns:
        The picture (B, 3, H, W), and the (steps + 1) losses before, between and after the steps.
    """
    with torch.inference_mode(False), torch.no_grad():
        wanted, styled = features(content.clone()), features(style.clone())

    def loss(image: Tensor) -> Tensor:
        taps = features(image)
        kept = summed([gatys_content_loss(taps[k], wanted[k]) for k in content_taps])
        taken = summed([gatys_style_loss(taps[k], styled[k]) for k in style_taps]) / len(style_taps)
        return content_weight * kept + style_weight * taken

    return optimise_pixels(content if start is None else start, loss, optimizer or lbfgs, steps)


def lbfgs(pixels: list[Tensor]) -> LBFGS:
    """One iteration in a step, with a line search; it never stops by itself, as small losses would make it."""
    return LBFGS(pixels, max_iter=1, tolerance_grad=0.0, tolerance_change=0.0, line_search_fn="strong_wolfe")
