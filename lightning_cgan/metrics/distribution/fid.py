"""The Fréchet distance between Gaussians fitted to features: FID. Heusel et al. 2017, Equation 6.

The trace of the square root of a product of covariances is the sum of the roots of the eigenvalues of a symmetric
matrix, A C A^T, where A^T A is one covariance and C the other. No matrix square root is needed, and A has no more rows
than there are images, so few images are cheap for any number of features.
"""

import torch
from torch import Tensor

from lightning_cgan.metrics.jackknife import by_group, kept

CHUNK = 2**22  # numbers converted to double precision at a time


def frechet_distance(real: Tensor, fake: Tensor, device: torch.device | str = "cpu") -> float:
    """FID on features (N, F) and (K, F), at least two of each, in double precision."""
    return frechet_distances(real, fake, torch.zeros(len(fake), dtype=torch.int64), 1, device).item()


def frechet_distances(
    real: Tensor, fake: Tensor, group: Tensor, groups: int, device: torch.device | str = "cpu"
) -> Tensor:
    """FID (1 + G,) on features (N, F) and (K, F), and with each of the groups (K,) of ``fake`` left out.

    NaN if fewer than two images are left. Working memory beside the features: G + 4 matrices of min(N, F) rows, or
    two of K rows if K is smaller.

    Args:
        real: features, at least two rows.
        fake: features, at least two rows.
        group: the group of each row of ``fake``.
        groups: their number G.
        device: where products of matrices are computed, in float64.
    """
    centre = mean(real)
    spread = total_variance(real)
    weight = kept(groups)
    count = weight @ by_group(torch.ones(len(fake)), group, groups)
    total, square = sums(fake, centre, group, groups)
    shift = (weight @ total) / count[:, None]  # from the real mean to that of the fakes
    gap = shift.square().sum(1)
    trace = (weight @ square - count * gap) / (count - 1)
    if len(fake) <= min(len(real), real.shape[1]):
        roots = roots_by_fakes(real, fake, centre, group, groups, device)
    else:
        roots = roots_by_reals(real, fake, centre, group, shift, count, device)
    distance = gap + trace + spread - 2 * torch.tensor(roots, dtype=torch.float64)
    return torch.where(count > 1, distance, torch.nan)


def total_variance(features: Tensor) -> Tensor:
    """The trace of the covariance of (N, F) features: the FID to images that all have their mean."""
    centre = mean(features)
    start = torch.zeros((), dtype=torch.float64)
    return sum(((part - centre).square().sum() for part in chunks(features)), start) / (len(features) - 1)


def rows_of(features: Tensor) -> int:
    return max(1, CHUNK // features.shape[1])


def chunks(features: Tensor) -> tuple[Tensor, ...]:
    return features.split(rows_of(features))


def mean(features: Tensor) -> Tensor:
    """(F,) in double precision."""
    return sum((part.sum(0, dtype=torch.float64) for part in chunks(features)), torch.tensor(0.0)) / len(features)


def sums(fake: Tensor, centre: Tensor, group: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """In each group the sum (G, F) of the features less ``centre``, and the sum (G,) of the squares of that."""
    total, square = torch.zeros(groups, fake.shape[1], dtype=torch.float64), torch.zeros(groups, dtype=torch.float64)
    for part, place in zip(chunks(fake), group.split(rows_of(fake)), strict=True):
        apart = part - centre
        total += by_group(apart, place, groups)
        square += by_group(apart.square().sum(1), place, groups)
    return total, square


def roots_by_fakes(
    real: Tensor, fake: Tensor, centre: Tensor, group: Tensor, groups: int, device: torch.device | str
) -> list[float]:
    """Traces of the root if K is smallest: for each group, rows and columns of one K by K matrix are left out."""
    centre = centre.to(device)
    small = fake.to(device) - centre
    product = torch.zeros(len(fake), len(fake), dtype=torch.float64, device=device)
    for part in chunks(real):
        mixed = small @ (part.to(device) - centre).T
        product.addmm_(mixed, mixed.T)
    product = product.cpu() / (len(real) - 1)
    roots = []
    for weight in kept(groups):
        keep = weight[group] > 0
        inner = product[keep][:, keep]
        inner = inner - inner.mean(0) - inner.mean(1, keepdim=True) + inner.mean()
        roots.append(root_trace(inner / (len(inner) - 1)) if len(inner) > 1 else 0.0)
    return roots


def roots_by_reals(
    real: Tensor, fake: Tensor, centre: Tensor, group: Tensor, shift: Tensor, count: Tensor, device: torch.device | str
) -> list[float]:
    """Traces of the root from a factor of the real covariance; each group's moments are subtracted from the whole."""
    factor = factored(real, centre, device)
    groups = max(1, len(count) - 1)
    parts = torch.zeros(groups, len(factor), len(factor), dtype=torch.float64, device=device)
    members = group.argsort(stable=True).split(group.bincount(minlength=groups).tolist())
    for part, images in zip(parts, members, strict=True):
        for rows in images.split(rows_of(fake)):
            mapped = (fake[rows].to(device) - centre.to(device)) @ factor.T
            part.addmm_(mapped.T, mapped)
    whole = parts.sum(0) if groups > 1 else parts[0]
    roots = []
    for number, (offset, images) in enumerate(zip(shift.to(device) @ factor.T, count.tolist(), strict=True)):
        moment = whole - parts[number - 1] if number else whole.clone()
        moment.addr_(offset, offset, alpha=-images)
        roots.append(root_trace(moment.div_(images - 1)) if images > 1 else 0.0)
    return roots


def factored(real: Tensor, centre: Tensor, device: torch.device | str) -> Tensor:
    """A (R, F) with A^T A the covariance of ``real``, R no more than N and F."""
    centre, scale = centre.to(device), (len(real) - 1) ** -0.5
    if len(real) <= real.shape[1]:
        return (real.to(device) - centre) * scale
    covariance = torch.zeros(real.shape[1], real.shape[1], dtype=torch.float64, device=device)
    for part in chunks(real):
        apart = (part.to(device) - centre) * scale
        covariance.addmm_(apart.T, apart)
    lower, failed = torch.linalg.cholesky_ex(covariance)
    if not failed:
        return lower.T
    value, vector = torch.linalg.eigh(covariance)  # only semidefinite: features are linearly dependent
    return (vector * value.clamp(min=0).sqrt()).T


def root_trace(matrix: Tensor) -> float:
    """The trace of the root of a symmetric positive semidefinite matrix."""
    return torch.linalg.eigvalsh(matrix).clamp_(min=0).sqrt_().sum().item()
