"""Image transformation network for super-resolution. Johnson et al. 2016, supplementary material."""

from math import log2
from typing import Literal

import numpy as np
import torch
from skimage.exposure import match_histograms
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lightning_cgan.batches import PairSpec, to_bytes, to_signed
from lightning_cgan.errors import UserError
from lightning_cgan.networks.style import CAFFE_MEAN, SCALE, Upsampling, convolution, enlargement, norm_of


class SuperResolutionNetwork(nn.Module):
    """Super-resolution network: images (B, 3, h, w) in [-1, 1] of any size to images (B, 3, scale * h, scale * w).

    Args:
        spec: shape of the data; its scale is a power of 2.
        width: channels of every hidden map.
        blocks: residual blocks at the low resolution.
        upsampling: "transposed" convolutions as in the paper; "nearest" upsamples and convolves.
        skip: "bicubic" adds the output to the bicubic enlargement of the input, as later super-resolution networks do
            and the paper does not; needed for short trainings.

    Raises:
        UserError: for images without three channels, or a scale that is not 2, 4, 8, ...
    """

    mean: Tensor

    def __init__(
        self,
        spec: PairSpec,
        width: int = 64,
        blocks: int = 4,
        upsampling: Upsampling = "transposed",
        skip: Literal["none", "bicubic"] = "none",
    ) -> None:
        super().__init__()
        doublings = int(log2(spec.scale))
        if (spec.channels_a, spec.channels_b) != (3, 3) or 2**doublings != spec.scale or not doublings:
            raise UserError(
                "The super-resolution network doubles images of three channels to a scale of 2, 4, 8, ...; got "
                f"{spec.channels_a} and {spec.channels_b} channels and scale {spec.scale}. "
                "Set data.init_args.scale to 2, 4 or 8."
            )
        self.scale, self.skip = spec.scale, skip
        self.layers = nn.Sequential(
            *convolution(3, width, 9, 1, "batch"),
            *(PaddedBlock(width) for _ in range(blocks)),
            *(layer for _ in range(doublings) for layer in enlargement(width, width, "batch", upsampling)),
            nn.Conv2d(width, 3, 9, padding=4),
        )
        if skip == "bicubic":  # the untrained network is bicubic interpolation
            for weight in self.layers[-1].parameters():
                nn.init.zeros_(weight)
        mean = torch.tensor(CAFFE_MEAN)[:, None, None] / 127.5 - 1
        self.register_buffer("mean", mean, persistent=False)

    def forward(self, low: Tensor) -> Tensor:
        hidden = self.layers(low)
        if self.skip == "bicubic":
            return interpolate(low, scale_factor=self.scale, mode="bicubic") + hidden
        return SCALE * torch.tanh(hidden) + self.mean


class PaddedBlock(nn.Module):
    """Residual block, (B, C, H, W) to (B, C, H, W): two convolutions with batch norm, no ReLU after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *convolution(channels, channels, 3, 1, "batch"),
            nn.Conv2d(channels, channels, 3, padding=1),
            norm_of(channels, "batch"),
        )

    def forward(self, image: Tensor) -> Tensor:
        return image + self.layers(image)


def with_histograms(image: Tensor, low: Tensor) -> Tensor:
    """``image`` (B, 3, H, W) in [-1, 1] with the 8-bit histogram of each channel matched to ``low`` (B, 3, h, w)."""
    results = [
        torch.from_numpy(np.ascontiguousarray(match_histograms(one.cpu().numpy(), other.cpu().numpy(), channel_axis=0)))
        for one, other in zip(to_bytes(image), to_bytes(low), strict=True)
    ]
    return to_signed(torch.stack(results).to(image.device)) if results else image
