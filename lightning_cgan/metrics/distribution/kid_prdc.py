"""KID, precision, recall, density and coverage from one pass over all pairs of images."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lightning_cgan.metrics.distribution.fid import mean
from lightning_cgan.metrics.distribution.pairwise_blocks import (
    BLOCK,
    Points,
    Tile,
    careful,
    distances,
    scratch,
    smallest,
    tables,
)
from lightning_cgan.metrics.jackknife import by_group, kept

SUBSETS = 2020  # torch-fidelity's seed


class Pairs(NamedTuple):
    """Sums and counts over all pairs of images."""

    real_kernel: Tensor  # () float64, sums of the kernel over pairs of two different real images
    fake_kernel: Tensor  # (G, G) over pairs of two different fakes, by their groups
    cross_kernel: Tensor  # (G,) over pairs of a real image and a fake
    fakes: Tensor  # (G,) float64, images in each group
    precise: Tensor  # (G,) fakes that lie within reach of a real image
    balls: Tensor  # (G,) over fakes, the number of real images within whose reach they lie
    recalled: Tensor  # (N, G) bool, real images that lie within reach of a fake
    covered: Tensor  # (N, G) bool, real images within whose reach a fake lies


class Kernel(NamedTuple):
    """The kernel (x y / F + 1)^3 minus a constant that cancels in differences of means, for centred features.

    Without the constant, which is far larger than the result, single precision suffices.
    """

    width: int  # F
    constant: float  # 1 + centre^2 / F

    def __call__(self, a: Tile, b: Tile, product: Tensor, out: Tensor) -> Tensor:
        """The kernel (A, B) in ``out``; overwrites ``product``."""
        step = 1 / self.width
        lean = product.add_(b.lean).add_(a.lean[:, None])  # x y - centre^2
        torch.add(lean.new_tensor(3 * self.constant * step**2), lean, alpha=step**3, out=out)
        return torch.addcmul(lean.new_tensor(3 * self.constant**2 * step), out, lean, out=out).mul_(lean)


def compared(
    real: Tensor,
    fake: Tensor,
    group: Tensor,
    groups: int,
    neighbours: int = 3,
    density_neighbours: int = 5,
    block: int = BLOCK,
    device: torch.device | str = "cpu",
) -> Pairs:
    """One pass over all pairs of features (N, F) and (K, F), float32, at least two of each.

    The reach of an image is its distance to its nearest neighbour number ``neighbours`` (for precision and recall) or
    ``density_neighbours`` among the images of its kind, or to the farthest if there are fewer.

    Raises:
        UserError: if memory runs out, naming the key to lower.
    """
    centre = mean(real).float().to(device)
    order = group.argsort(stable=True)
    reals, fakes = Points(real, torch.arange(len(real)), centre), Points(fake, order, centre)
    kernel = Kernel(real.shape[1], 1 + centre.double().square().mean().item())
    with careful(block):
        most = max(neighbours, density_neighbours)
        near, real_kernel = within(reals, torch.zeros(len(real), dtype=torch.int64), 1, most, kernel, block)
        reach = near[:, min(neighbours, near.shape[1]) - 1], near[:, min(density_neighbours, near.shape[1]) - 1]
        near, fake_kernel = within(fakes, group[order], groups, neighbours, kernel, block)
        found = between(reals, fakes, group[order], groups, (*reach, near[:, -1]), kernel, block)
    return Pairs(real_kernel.sum(), fake_kernel, *found)


def within(
    points: Points, group: Tensor, groups: int, neighbours: int, kernel: Kernel, block: int
) -> tuple[Tensor, Tensor]:
    """Squared distances (N, k) to the nearest other points, ascending, and kernel sums (G, G), among the same points.

    Args:
        points: at least two.
        group: of each point in their order, rising.
    """
    count, device = len(points.order), points.centre.device
    near = torch.full((count, min(neighbours, count - 1)), torch.inf, device=device)
    sums = torch.zeros(groups, groups, dtype=torch.float64)
    memory = scratch(3, block, points, points)
    for columns in points.columns(block):
        for a in points.rows(block, stop=columns.rows.stop):
            b = columns.onward(a.rows.start)  # a pair and its mirror image are the same
            product, apart, value = tables(memory, a, b)
            distances(a, b, product, out=apart)
            kernel(a, b, product, out=value)
            own = len(a.point) if a.rows.start == b.rows.start else 0  # columns of the same points as the rows
            others = slice(b.rows.start + own, b.rows.stop)
            if own:
                apart.fill_diagonal_(torch.inf)
                value.fill_diagonal_(0)
                sums += grouped(value[:, :own], group[a.rows], group[a.rows], groups)
            twice = grouped(value[:, own:], group[a.rows], group[others], groups)
            sums += twice + twice.T
            near[a.rows] = smallest(near[a.rows], apart)
            near[others] = smallest(near[others], apart[:, own:], dim=0)
    return near.clamp_(min=0), sums


def grouped(value: Tensor, rows: Tensor, columns: Tensor, groups: int) -> Tensor:
    """Sums (G, G) of ``value`` (A, B) over rows and columns of each group; the groups of columns rise."""
    if not len(columns):
        return torch.zeros(groups, groups, dtype=torch.float64)
    parts = torch.stack([value[:, part].sum(1) for _, part in runs(columns)], 1)
    return by_group(by_group(parts.cpu(), rows, groups).T, columns.unique_consecutive(), groups).T


def runs(group: Tensor) -> list[tuple[int, slice]]:
    """The places of each group in a rising list of groups."""
    numbers, counts = group.unique_consecutive(return_counts=True)
    ends = counts.cumsum(0).tolist()
    return [(n, slice(start, end)) for n, start, end in zip(numbers.tolist(), [0, *ends], ends, strict=False)]


def between(
    real: Points,
    fake: Points,
    group: Tensor,
    groups: int,
    reach: tuple[Tensor, Tensor, Tensor],
    kernel: Kernel,
    block: int,
) -> tuple[Tensor, ...]:
    """The fields of ``Pairs`` from ``cross_kernel`` on, between real and generated images."""
    near, dense, fake_near = reach
    count, device = len(fake.order), real.centre.device
    sums, balls = torch.zeros(count, dtype=torch.float64), torch.zeros(count)
    precise = torch.zeros(count, dtype=torch.bool)
    recalled, covered = (torch.zeros(len(real.order), groups, dtype=torch.bool, device=device) for _ in range(2))
    memory = scratch(3, block, real, fake)
    for b in fake.columns(block):
        for a in real.rows(block):
            product, apart, value = tables(memory, a, b)
            distances(a, b, product, out=apart)
            sums[b.rows] += kernel(a, b, product, out=value).sum(0).cpu()
            # amin of a difference is faster than any() of a comparison
            precise[b.rows] |= (torch.sub(apart, near[a.rows, None], out=value).amin(0) <= 0).cpu()
            balls[b.rows] += torch.lt(apart, dense[a.rows, None], out=value).sum(0).cpu()
            beyond = torch.sub(apart, fake_near[b.rows], out=value)
            for number, part in runs(group[b.rows]):
                covered[a.rows, number] |= apart[:, part].amin(1) < dense[a.rows]
                recalled[a.rows, number] |= beyond[:, part].amin(1) <= 0
    ones = torch.ones(count)
    by_fake = [by_group(values, group, groups) for values in (sums, ones, precise, balls)]
    return *by_fake, recalled.cpu(), covered.cpu()


def kid(pairs: Pairs) -> Tensor:
    """Kernel Inception Distance (1 + G,), whole and without each group. Bińkowski et al. 2018, Section 3.1.

    The unbiased estimate of the squared maximum mean discrepancy over all pairs, without random subsets.
    """
    weight = kept(len(pairs.fakes))
    reals, fakes = len(pairs.recalled), weight @ pairs.fakes
    fake = torch.einsum("wg,gh,wh->w", weight, pairs.fake_kernel, weight)
    cross = weight @ pairs.cross_kernel
    return pairs.real_kernel / (reals * (reals - 1)) + fake / (fakes * (fakes - 1)) - 2 * cross / (reals * fakes)


def subset_kid(
    real: Tensor, fake: Tensor, subsets: int, size: int, block: int = BLOCK, device: torch.device | str = "cpu"
) -> float:
    """The mean of KID over ``subsets`` random subsets of ``size`` images each, those that torch-fidelity draws."""
    stream = np.random.RandomState(SUBSETS)
    whole = torch.zeros(size, dtype=torch.int64)
    values = []
    for _ in range(subsets):
        fakes, reals = (torch.from_numpy(stream.choice(len(f), size, replace=False)) for f in (fake, real))
        values.append(kid(compared(real[reals], fake[fakes], whole, 1, block=block, device=device)).item())
    return sum(values) / len(values)


def neighbourhood_scores(pairs: Pairs, density_neighbours: int) -> dict[str, Tensor]:
    """Precision and recall, density and coverage (1 + G,), whole and without each group.

    "precision" is the share of fakes within reach of a real image, "recall" that of real images within reach of a fake
    (Kynkäänniemi et al. 2019, Equation 1). "density" is the mean number of real images within whose reach a fake lies,
    over ``density_neighbours``; "coverage" the share of real images within whose reach a fake lies (Naeem et al. 2020,
    Equations 3 and 4). An image exactly at the reach counts for the first two, as in torch-fidelity, but not for the
    last two, as in the authors' code. When a group is left out, the reach of the other fakes is not recomputed.
    """
    weight = kept(len(pairs.fakes))
    fakes = weight @ pairs.fakes
    recalled, covered = (
        ((found.float() @ weight.T.float()) > 0).double().mean(0) for found in (pairs.recalled, pairs.covered)
    )
    density = weight @ pairs.balls / (density_neighbours * fakes)
    return {
        "precision": weight @ pairs.precise / fakes,
        "recall": recalled,
        "density": density,
        "coverage": covered,
    }
