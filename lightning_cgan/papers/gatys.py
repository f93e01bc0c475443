"""Style transfer by optimising pixels. Gatys, Ecker & Bethge, CVPR 2016.

No network is trained: each image is optimised by L-BFGS. It is the baseline of the one-pass networks of
:mod:`lightning_cgan.papers.style_transfer`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import LBFGS, Optimizer

from lightning_cgan.losses.perceptual import gatys_content_loss, gatys_style_loss, summed
from lightning_cgan.optimize import optimise_pixels

Optimizing = Callable[[list[Tensor]], Optimizer]
TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")  # of VGG-19, for the default tap indices


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
    """Optimise images with the content of ``content`` and the style of ``style``. Equation 7, pixels in [-1, 1].

    Args:
        content: (B, 3, H, W) in [-1, 1]; sharing an optimizer, results depend slightly on the rest of the batch.
        style: (1, 3, h, w) in [-1, 1].
        features: images to taps; the defaults are for a VGG-19 with the taps ``TAPS``.
        content_weight: alpha.
        style_weight: beta, divided equally between the style taps; alpha / beta is 1e-3 or 1e-4 in the paper.
        content_taps: indices of the taps whose values are matched to the content's.
        style_taps: indices of the taps whose Gram matrices are matched to the style's.
        optimizer: maps the pixels to an optimizer that takes a closure, like Adam; None: L-BFGS.
        steps: optimizer steps.
        start: initial image (B, 3, H, W), white noise in the paper. None: the content, as in the authors' later code.

    Returns:
        The image (B, 3, H, W), and the (steps + 1) losses at the start and after each step.
    """
    with torch.inference_mode(False), torch.no_grad():
        content_target, style_target = features(content.clone()), features(style.clone())

    def loss(image: Tensor) -> Tensor:
        taps = features(image)
        content_loss = summed([gatys_content_loss(taps[k], content_target[k]) for k in content_taps])
        style_loss = summed([gatys_style_loss(taps[k], style_target[k]) for k in style_taps]) / len(style_taps)
        return content_weight * content_loss + style_weight * style_loss

    return optimise_pixels(content if start is None else start, loss, optimizer or lbfgs, steps)


def lbfgs(pixels: list[Tensor]) -> LBFGS:
    """L-BFGS with a line search, one iteration per step; tolerances of 0, as small losses would stop it early."""
    return LBFGS(pixels, max_iter=1, tolerance_grad=0.0, tolerance_change=0.0, line_search_fn="strong_wolfe")
