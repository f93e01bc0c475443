"""Label maps: pictures whose colours are the classes of a palette.

The palettes of two published sets are known by name; the index of a colour is the number of its class.

- ``facades``: the 12 classes of the CMP facade database (Tyleček & Šára 2013), background first, in the colours of the
  label maps that pix2pix publishes: for each class the most frequent colour of its pixels in the 400 training files.
  They are every fifth row of Matlab's ``jet(64)`` within one level, not ``jet(12)``.
- ``cityscapes``: the 19 classes that are scored by their training number (Cordts et al. 2016), then black for all that
  has no class, then the other colours of the ``gtFine_color`` files, which are ignored in published scores.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.files.decode import printable
from datamodules.files.image_files import nearest
from lightning_cgan.errors import UserError

Colour = tuple[int, int, int]

FACADES: tuple[Colour, ...] = (
    (0, 0, 222),  # background
    (0, 48, 255),  # facade
    (0, 128, 255),  # window
    (0, 207, 255),  # door
    (32, 255, 224),  # cornice
    (112, 255, 143),  # sill
    (192, 255, 63),  # balcony
    (255, 240, 0),  # blind
    (255, 160, 0),  # deco
    (255, 80, 0),  # molding
    (255, 0, 0),  # pillar
    (174, 0, 0),  # shop
)
CITYSCAPES: tuple[Colour, ...] = (
    (128, 64, 128),  # road
    (244, 35, 232),  # sidewalk
    (70, 70, 70),  # building
    (102, 102, 156),  # wall
    (190, 153, 153),  # fence
    (153, 153, 153),  # pole
    (250, 170, 30),  # traffic light
    (220, 220, 0),  # traffic sign
    (107, 142, 35),  # vegetation
    (152, 251, 152),  # terrain
    (70, 130, 180),  # sky
    (220, 20, 60),  # person
    (255, 0, 0),  # rider
    (0, 0, 142),  # car
    (0, 0, 70),  # truck
    (0, 60, 100),  # bus
    (0, 80, 100),  # train
    (0, 0, 230),  # motorcycle
    (119, 11, 32),  # bicycle
    (0, 0, 0),  # no class
    (111, 74, 0),  # dynamic
    (81, 0, 81),  # ground
    (250, 170, 160),  # parking
    (230, 150, 140),  # rail track
    (180, 165, 180),  # guard rail
    (150, 100, 100),  # bridge
    (150, 120, 90),  # tunnel
    (0, 0, 90),  # caravan
    (0, 0, 110),  # trailer
)
PALETTES: dict[str, tuple[Colour, ...]] = {"facades": FACADES, "cityscapes": CITYSCAPES}
FARTHEST = 442  # from black to white
LISTED = 20


class Palette(NamedTuple):
    """The colours of label maps.

    Args:
        colours: in the order of their classes.
        tolerance: RGB distance up to which a pixel is set to its nearest colour; 0 requires exact colours, 442 accepts
            all.
    """

    colours: tuple[Colour, ...]
    tolerance: float = 0

    def tensor(self) -> Tensor:
        """(K, 3) uint8."""
        return torch.tensor(self.colours, dtype=torch.uint8)

    def decoded(self, picture: Tensor) -> Tensor:
        """``picture`` (3, H, W) uint8 with each pixel set to its nearest colour, the first of equally near ones."""
        index, _ = self.nearest(picture.flatten(1))
        return self.tensor()[index].T.reshape(picture.shape)

    def foreign_colours(self, picture: Tensor) -> dict[Colour, int]:
        """The colours of ``picture`` (3, H, W) uint8 outside of palette and tolerance, with their pixel counts."""
        code = codes(picture.flatten(1).T)
        code, count = code[~torch.isin(code, codes(self.tensor()))].unique(return_counts=True)  # most are known
        colour = torch.stack([code >> 16, code >> 8 & 255, code & 255])
        _, distance = self.nearest(colour)
        far = distance > self.tolerance**2
        return dict(zip(map(tuple, colour.T[far].tolist()), count[far].tolist(), strict=True))

    def nearest(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The indices (N,) of the nearest colours of ``pixels`` (3, N), and the squared distances, which are exact."""
        index, distance, _ = self.nearest_two(pixels)
        return index, distance

    def nearest_two(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """:meth:`nearest`, and the squared distances to the second nearest colours."""
        red, green, blue = pixels.float()
        index, nearest = torch.zeros_like(red, dtype=torch.int64), torch.full_like(red, float("inf"))
        second = nearest.clone()
        for number, (r, g, b) in enumerate(self.colours):  # one by one, to save memory
            this = (red - r).square_() + (green - g).square_() + (blue - b).square_()
            index.masked_fill_(this < nearest, number)
            second = torch.minimum(second, torch.maximum(this, nearest))
            nearest = torch.minimum(this, nearest)
        return index, nearest, second


def codes(colours: Tensor) -> Tensor:
    """(N, 3) uint8 as (N,) int32, one number for each colour."""
    red, green, blue = colours.int().unbind(1)
    return red << 16 | green << 8 | blue


def palette_of(colours: Sequence[Colour] | str, tolerance: float) -> Palette:
    """The palette of the settings ``palette`` and ``palette_tolerance``.

    Raises:
        UserError: for an unknown name, less than two colours, repeated colours or values outside of 0 to 255, or a
            tolerance outside of 0 to 442.
    """
    if isinstance(colours, str) and colours not in PALETTES:
        raise UserError(
            f"Palettes with a name are {' and '.join(PALETTES)}; got {printable(colours)}."
            f"{nearest(colours, list(PALETTES))} Set data.init_args.palette to one, or to a list of colours."
        )
    known = PALETTES[colours] if isinstance(colours, str) else tuple(tuple(colour) for colour in colours)
    wrong = [colour for colour in known if len(colour) != 3 or not all(0 <= part <= 255 for part in colour)]
    twice = [colour for colour in known if known.count(colour) > 1]
    if wrong or twice or len(known) < 2:
        got = f"{wrong[0]}" if wrong else f"{twice[0]} twice" if twice else f"{len(known)} of them"
        raise UserError(
            "A palette has two colours or more, each red, green and blue from 0 to 255 and all different; "
            f"got {got}. Set data.init_args.palette."
        )
    if not 0 <= tolerance <= FARTHEST:
        raise UserError(
            f"A tolerance is an RGB distance from 0 to {FARTHEST}; got {tolerance:g}. "
            "Set data.init_args.palette_tolerance."
        )
    return Palette(known, tolerance)  # type: ignore[arg-type]  # three numbers each, as checked above


def described(strange: dict[Colour, int]) -> str:
    """The most frequent colour outside of a palette, and the number of the others."""
    colour, most = max(strange.items(), key=lambda item: (item[1], item[0]))
    others = f", and {len(strange) - 1} more colours" if len(strange) > 1 else ""
    return f"{colour} on {most} pixels{others}, {sum(strange.values())} pixels in all"


def listed(lines: Sequence[str], most: int = LISTED) -> str:
    """The first ``most`` of ``lines``, one below the other."""
    rest = [f"... and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join([*lines[:most], *rest])
