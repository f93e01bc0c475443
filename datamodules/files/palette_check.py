"""Checks that label maps use the colours of a palette, made before training.

Inside the areas of a label map every pixel is near one colour, within the noise of JPEG. A pixel whose nearest colour
is more than a third as far as the second nearest is closer to the middle between the two than to either. Of such pixels
the published CMP facades have 0.3 % inside their areas (2.1 % in the worst of 400 files, 2.3 % in the worst class), and
85 % by a palette that is off by 40 levels (26 % in the best file). At the edges of areas, which JPEG blends, a quarter
of the pixels is in between whatever the palette.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from datamodules.files.decode import printable
from datamodules.files.image_files import CHECKED, stamp
from datamodules.files.label_maps import FARTHEST, PALETTES, Palette, described, listed
from lightning_cgan.disk_cache import cached
from lightning_cgan.errors import UserError

FLAT = 24  # largest difference within the 3x3 pixels around a pixel that counts as inside an area, in levels
FEWEST_FLAT = 0.05  # share of a map inside areas; with less, as in photographs, every pixel is judged
MOST_BETWEEN = 0.05  # largest share of pixels between colours, in a set of label maps
MOST_BETWEEN_IN_ONE = 0.2  # in one map
MOST_BETWEEN_IN_CLASS = 0.25  # in a class with at least SMALLEST_CLASS of the pixels, in sets of at least FEWEST_MAPS
SMALLEST_CLASS = 0.005
FEWEST_MAPS = 10
SMALLEST_AREAS = 1e-4  # share of a set that makes a class used
HINTED = 10  # maps by which another palette, or the other domain, is tried for hints

Read = Callable[[str], Tensor]


class PaletteFit(NamedTuple):
    """How well label maps fit a palette of K colours.

    Args:
        pixels: (K) numbers of pixels whose nearest colour is k.
        judged: (K) of these inside areas.
        between: (K) of the judged ones, closer to the midpoint between two colours than to either.
        distance: (K, 443) histogram of the distances of the judged pixels from their colour, in levels.
        worst: the map with the largest share of pixels between colours, and that share.
        maps: number of maps checked.
    """

    pixels: list[int]
    judged: list[int]
    between: list[int]
    distance: list[list[int]]
    worst: tuple[str, float]
    maps: int

    def share_between(self) -> float:
        return sum(self.between) / max(sum(self.judged), 1)

    def misfits(self) -> list[int]:
        """The classes with too many pixels between colours."""
        least = max(SMALLEST_CLASS * sum(self.judged), 1)
        counts = zip(self.judged, self.between, strict=True) if self.maps >= FEWEST_MAPS else ()
        return [k for k, (n, b) in enumerate(counts) if b > MOST_BETWEEN_IN_CLASS * n and n >= least]

    def unused(self) -> list[int]:
        """The classes without areas; pixels at the edges of areas may have any class."""
        return [number for number, pixels in enumerate(self.judged) if pixels < SMALLEST_AREAS * sum(self.judged)]

    def fits(self) -> bool:
        well = self.share_between() <= MOST_BETWEEN and self.worst[1] <= MOST_BETWEEN_IN_ONE
        return well and not self.misfits()

    def lines(self, palette: Palette) -> list[str]:
        """A line on each colour, the most frequent first."""
        lines = []
        for number in sorted(range(len(self.pixels)), key=lambda k: -self.pixels[k]):
            share = self.pixels[number] / max(sum(self.pixels), 1)
            mean, most = spread(self.distance[number])
            between = self.between[number] / max(self.judged[number], 1)
            lines.append(
                f"class {number} {palette.colours[number]}: {share:.1%} of the pixels; inside areas {mean:.0f} levels "
                f"from this colour on average, 95 % within {most}, {between:.0%} in between"
                if self.pixels[number]
                else f"class {number} {palette.colours[number]}: no pixel"
            )
        return lines


def spread(count: list[int]) -> tuple[float, int]:
    """The mean and the 95th percentile of a histogram of distances."""
    total = sum(count)
    if not total:
        return 0.0, 0
    within = list(accumulate(count))
    most = next(level for level, number in enumerate(within) if number >= 0.95 * total)
    return sum(level * number for level, number in enumerate(count)) / total, most


def fit_of_map(picture: Tensor, palette: Palette) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``pixels``, ``judged``, ``between`` and ``distance`` of one label map (3, H, W) uint8."""
    colours = len(palette.colours)
    index, nearest, second = palette.nearest_two(picture.flatten(1))
    judged = inside(picture).flatten()
    if judged.float().mean() < FEWEST_FLAT:
        judged = torch.ones_like(judged)
    mine = index[judged]
    between = mine[9 * nearest[judged] > second[judged]]
    level = nearest[judged].sqrt().round().long()
    distance = (mine * (FARTHEST + 1) + level).bincount(minlength=colours * (FARTHEST + 1))
    counts = (part.bincount(minlength=colours) for part in (index, mine, between))
    return (*counts, distance.view(colours, -1))  # type: ignore[return-value]  # four of them


def inside(picture: Tensor) -> Tensor:
    """(H, W) bool: whether a pixel lies inside an area, with almost equal pixels around it."""
    whole = picture.float()[None]
    highest, lowest = (max_pool2d(sign * whole, 3, stride=1, padding=1) for sign in (1, -1))
    return ((highest + lowest)[0] <= FLAT).all(0)


def fit_of(paths: Sequence[str], picture: Read, palette: Palette) -> PaletteFit:
    """How well the label maps in ``paths``, at least one, fit ``palette``."""
    total, worst = None, ("", -1.0)
    with ThreadPoolExecutor() as pool:
        for path, found in zip(paths, pool.map(lambda path: fit_of_map(picture(path), palette), paths), strict=True):
            total = [a + b for a, b in zip(total, found, strict=True)] if total else list(found)
            worst = max(worst, (path, float(found[2].sum() / found[1].sum())), key=lambda one: one[1])
    pixels, judged, between, distance = (part.tolist() for part in total or ())
    return PaletteFit(pixels, judged, between, distance, worst, len(paths))


def check_colours(
    paths: Sequence[str], picture: Read, palette: Palette, key: str, elsewhere: Callable[[], str] = str
) -> PaletteFit:
    """Check that the label maps in ``paths`` fit ``palette``; results are cached until a file changes.

    Colours are checked in every pixel of all maps, the fit in at most 1,000 maps.

    Args:
        paths: of files, at least one.
        picture: maps a path to its label map (3, H, W) uint8.
        palette: of the maps.
        key: settings that ``picture`` depends on, for the cache.
        elsewhere: returns a sentence on where else the label maps may be, or nothing; called before refusing them.

    Raises:
        UserError: naming the colours outside of the palette, their pixels and files; or how far pixels are from their
            nearest colours.
    """

    def compute() -> str:
        if palette.tolerance < FARTHEST:
            check_foreign_colours(paths, picture, palette, elsewhere)
        return json.dumps(fit_of(paths[:: -(-len(paths) // CHECKED)], picture, palette))

    digest = hashlib.sha256(f"colours {key} {palette!r}\n".encode())
    for path in paths:
        digest.update(stamp(path))
    fit = PaletteFit(*json.loads(cached(digest.hexdigest(), compute)))
    if not fit.fits():
        hint = elsewhere() or other_palette(paths, picture, palette)
        raise UserError(misfit(fit, palette, hint))
    return fit


def misfit(fit: PaletteFit, palette: Palette, hint: str) -> str:
    path, share = fit.worst
    return (
        "Label maps have the colours of their palette; inside their areas "
        f"{fit.share_between():.1%} of the pixels are closer to the midpoint between two colours than to either, in "
        f"{printable(path)} {share:.0%}. The limit is {MOST_BETWEEN:.0%}, {MOST_BETWEEN_IN_ONE:.0%} in one map and "
        f"{MOST_BETWEEN_IN_CLASS:.0%} in a class. {hint or 'Set data.init_args.palette to the colours of the maps'}, "
        "or correct them.\n" + listed(fit.lines(palette))
    )


def check_foreign_colours(paths: Sequence[str], picture: Read, palette: Palette, elsewhere: Callable[[], str]) -> None:
    """Refuse label maps with colours farther from the palette than its tolerance.

    Raises:
        UserError: naming the colours, their pixels and files.
    """
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda path: palette.foreign_colours(picture(path)), paths))
    lines = [f"{printable(path)}: {described(strange)}" for path, strange in zip(paths, found, strict=True) if strange]
    if lines:
        hint = elsewhere() or other_palette(paths, picture, palette)
        raise UserError(
            f"Label maps have the {len(palette.colours)} colours of their palette; {len(lines)} of {len(paths)} "
            f"have others{f', farther than {palette.tolerance:g} from all' * bool(palette.tolerance)}. "
            f"{hint or 'Set data.init_args.palette'}, correct them, or if they were saved as JPEG set "
            f"data.init_args.palette_tolerance, the distance within which a pixel is set to its nearest colour "
            f"({FARTHEST} accepts all).\n" + listed(lines)
        )


def other_palette(paths: Sequence[str], picture: Read, palette: Palette) -> str:
    """The setting of a published palette that fits; empty if none does."""
    for name, colours in PALETTES.items():
        if colours != palette.colours and fits_some(paths, picture, Palette(colours)):
            return f"Set data.init_args.palette to {name}, which fits"
    return ""


def fits_some(paths: Sequence[str], picture: Read, palette: Palette) -> bool:
    """Whether ``palette`` fits a few of the maps in ``paths``."""
    return bool(paths) and fit_of(paths[:: -(-len(paths) // HINTED)], picture, palette).fits()
