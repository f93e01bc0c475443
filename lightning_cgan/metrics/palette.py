"""Label maps as pictures: every class is a colour of a palette, and a picture is read by the nearest one.

How published photo-to-labels scores decode what a generator paints: Isola et al. 2017, Section 4.4, in the code of
Zhu et al. 2017.
"""

import torch
from torch import Tensor


def class_numbers(image: Tensor, palette: Tensor) -> Tensor:
    """The class (B, H, W) int64 of each pixel: that of the nearest colour in RGB, the first of equally near ones.

    Args:
        image: (B, 3, H, W) uint8.
        palette: (K, 3) uint8, in class order.

    Raises:
        ValueError: for images that are no bytes, or without three channels.
    """
    if image.dtype != torch.uint8 or image.shape[1] != 3:
        raise ValueError(
            f"Classes are read from uint8 pictures of 3 channels; met {image.dtype} ones of {image.shape[1]}. "
            "Convert images in [-1, 1] with lightning_cgan.contract.to_bytes, and set data to a set with a palette."
        )
    pixel = image.int()
    best = torch.full_like(pixel[:, 0], torch.iinfo(torch.int32).max)
    number = torch.zeros_like(pixel[:, 0], dtype=torch.int64)
    for row, colour in enumerate(palette.to(image.device).int()):  # integers: exact, and no memory for all K at once
        distance = (pixel - colour[:, None, None]).square().sum(1, dtype=torch.int32)
        nearer = distance < best
        best, number = torch.where(nearer, distance, best), torch.where(nearer, row, number)
    return number


def painted(number: Tensor, palette: Tensor) -> Tensor:
    """Classes (B, H, W) int64 as a picture (B, 3, H, W) uint8; :func:`class_numbers` reads them back."""
    return palette.to(number.device)[number].movedim(-1, 1)
