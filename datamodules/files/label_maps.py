"""Label maps: pictures in which every class is a colour of a palette, and no other colour occurs.

The palettes of two published sets are known by name; the place of a colour is the number of its class.

- ``facades``: the 12 classes of the CMP facade database (Tyleček & Šára 2013), background first, in the colours of the
  label maps that pix2pix publishes: for each class the commonest colour of its pixels in the 400 training files. They
  are every fifth row of Matlab's ``jet(64)`` but for one level here and there, not ``jet(12)``.
- ``cityscapes``: the 19 classes that are scored by their training number (Cordts et al. 2016), then black for all that
  has no class, then the other colours of the ``gtFine_color`` files, which are ignored in published scores.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.files.decode import shown
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
        tolerance: the distance in RGB up to which a pixel takes its nearest colour; 0 asks for exact ones, 442 takes
            whatever comes.
    """

    colours: tuple[Colour, ...]
    tolerance: float = 0

    def tensor(self) -> Tensor:
        """(K, 3) uint8."""
        return torch.tensor(self.colours, dtype=torch.uint8)

    def decoded(self, picture: Tensor) -> Tensor:
        """(3, H, W) uint8 in the colours of the palette, each pixel in its nearest one, the first of equally near."""
        place, _ = self.nearest(picture.flatten(1))
        return self.tensor()[place].T.reshape(picture.shape)

    def strangers(self, picture: Tensor) -> dict[Colour, int]:
        """The colours of (3, H, W) uint8 that are farther than the tolerance from all others, and their pixels."""
        code = codes(picture.flatten(1).T)
        code, count = code[~torch.isin(code, codes(self.tensor()))].unique(return_counts=True)  # most are no strangers
        colour = torch.stack([code >> 16, code >> 8 & 255, code & 255])
        _, distance = self.nearest(colour)
        far = distance > self.tolerance**2
        return dict(zip(map(tuple, colour.T[far].tolist()), count[far].tolist(), strict=True))

    def nearest(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Of (3, N) the places (N,) of their nearest colours, and the squares of the distances, which are exact."""
        place, distance, _ = self.nearest_two(pixels)
        return place, distance

    def nearest_two(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """:meth:`nearest`, and the squares of the distances to the second nearest colours."""
        red, green, blue = pixels.float()
        place, nearest = torch.zeros_like(red, dtype=torch.int64), torch.full_like(red, float("inf"))
        second = nearest.clone()
        for number, (r, g, b) in enumerate(self.colours):  # one by one: no memory for all distances at once
            this = (red - r).square_() + (green - g).square_() + (blue - b).square_()
            place.masked_fill_(this < nearest, number)
            second = torch.minimum(second, torch.maximum(this, nearest))
            nearest = torch.minimum(this, nearest)
        return place, nearest, second


def codes(colours: Tensor) -> Tensor:
    """(N, 3) uint8 as (N,) int32, one number for each colour."""
    red, green, blue = colours.int().unbind(1)
    return red << 16 | green << 8 | blue


def palette_of(colours: Sequence[Colour] | str, tolerance: float) -> Palette:
    """The palette that ``palette`` and ``palette_tolerance`` ask for.

    Raises:
        UserError: for an unknown name, less than two colours, colours named twice or outside of 0 to 255, or a
            tolerance that is none.
    """
    if isinstance(colours, str) and colours not in PALETTES:
        raise UserError(
            f"The palettes known by name are {' and '.join(PALETTES)}; got {shown(colours)}."
            f"{nearest(colours, list(PALETTES))} Set data.init_args.palette to one, or to a list of colours."
        )
    known = PALETTES[colours] if isinstance(colours, str) else tuple(tuple(colour) for colour in colours)
    wrong = [colour for colour in known if len(colour) != 3 or not all(0 <= part <= 255 for part in colour)]
    twice = [colour for colour in known if known.count(colour) > 1]
    if wrong or twice or len(known) < 2:
        got = f"{wrong[0]}" if wrong else f"{twice[0]} twice" if twice else f"{len(known)} of them"
        raise UserError(
            "A palette is two colours or more, each red, green and blue from 0 to 255 and named once; "
            f"got {got}. Set data.init_args.palette."
        )
    if not 0 <= tolerance <= FARTHEST:
        raise UserError(
            f"A tolerance is a distance in RGB, from 0 to {FARTHEST}; got {tolerance:g}. "
            "Set data.init_args.palette_tolerance."
        )
    return Palette(known, tolerance)  # type: ignore[arg-type]  # of three numbers each, as was seen


def described(strange: dict[Colour, int]) -> str:
    """The commonest of colours outside of a palette, and how many there are."""
    colour, most = max(strange.items(), key=lambda item: (item[1], item[0]))
    others = f", and {len(strange) - 1} more colours" if len(strange) > 1 else ""
    return f"{colour} on {most} pixels{others}, {sum(strange.values())} pixels in all"


def listed(lines: Sequence[str], most: int = LISTED) -> str:
    """``lines`` below each other, at most so many."""
    rest = [f"... and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join([*lines[:most], *rest])
