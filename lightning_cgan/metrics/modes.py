"""Mode coverage of generated points for Gaussian mixtures with known modes."""

import torch
from torch import Tensor

from lightning_cgan.batches import Mixture
from lightning_cgan.metrics.jackknife import GROUPS, groups_of, standard_error

NEAR = 3.0  # standard deviations


def located(image: Tensor, extent: float) -> Tensor:
    """The (N, 2) points that (N, C, H, W) images represent.

    Two channels of one pixel are the point itself. A grey image in [-1, 1] is one spot: its centre of brightness, in
    the square from -extent to extent.
    """
    if image.shape[1] == 2:
        return image.flatten(1)
    light = (image[:, 0] + 0.8).clamp_min(0)  # a background that is not quite black does not count
    pixel = torch.linspace(-extent, extent, image.shape[-1], device=image.device)
    total = light.sum((1, 2)).clamp_min(1e-6)
    return torch.stack([(light.sum(1) * pixel).sum(1), (light.sum(2) * pixel).sum(1)], 1) / total[:, None]


def mode_scores(point: Tensor, mixture: Mixture, label: Tensor | None = None) -> dict[str, float]:
    """Scores of (N, 2) points; ``label`` (N,) is the requested mode of each, where there was one.

    Returns:
        "modes": the number of modes with at least a quarter of their share of the points within three standard
        deviations; "frac_near_mode": the share of points that are so near to a mode; "spread": the standard deviation
        of the points near a mode over that of the mixture, mean over modes; "min_mode_std" and "max_mode_std": the
        same of the tightest and of the widest mode; with labels "label_fidelity": the share of points near the
        requested mode; "gate_passed": 1 if :func:`passes`, else 0.
    """
    distance, nearest = torch.cdist(point.double(), mixture.centre.double().to(point.device)).min(1)
    near = distance <= NEAR * mixture.std
    count = nearest[near].bincount(minlength=len(mixture.centre))
    inside = [point[near & (nearest == mode)] for mode in range(len(mixture.centre))]
    spreads = [part.double().var(0).mean().sqrt().item() / mixture.std for part in inside if len(part) > 1]
    scores = {
        "modes": float((count >= len(point) / len(mixture.centre) / 4).sum()),
        "frac_near_mode": near.double().mean().item(),
        "spread": sum(spreads) / len(spreads) if spreads else 0.0,
        "min_mode_std": min(spreads, default=0.0),
        "max_mode_std": max(spreads, default=0.0),
    }
    if label is not None:
        scores["label_fidelity"] = (near & (nearest == label)).double().mean().item()
    return scores | {"gate_passed": float(passes(scores, len(mixture.centre)))}


def mode_errors(point: Tensor, mixture: Mixture, label: Tensor | None = None) -> dict[str, float]:
    """The standard error of each of the :func:`mode_scores`, where there are enough points for a jackknife."""
    if len(point) < 2 * GROUPS:
        return {}
    group = groups_of((label if label is not None else torch.zeros(len(point), dtype=torch.int64)).cpu())
    kept = [torch.ones(len(point), dtype=torch.bool), *(group != left_out for left_out in range(GROUPS))]
    apart = [mode_scores(point[here], mixture, label[here] if label is not None else None) for here in kept]
    names = [name for name in apart[0] if name != "gate_passed"]
    return {name: standard_error(torch.tensor([scores[name] for scores in apart])) for name in names}


def passes(scores: dict[str, float], modes: int) -> bool:
    """The gate: all modes, 95 % of points near one, each spread 0.5 to 1.5 of the true, 98 % near the one asked."""
    return (
        scores["modes"] == modes
        and scores["frac_near_mode"] >= 0.95
        and scores["min_mode_std"] >= 0.5
        and scores["max_mode_std"] <= 1.5
        and scores.get("label_fidelity", 1.0) >= 0.98
    )


def relation_scores(source: Tensor, fake: Tensor, mixtures: tuple[Mixture, Mixture]) -> dict[str, float]:
    """Whether a translation from one mixture to another keeps the modes apart. After Kim et al. 2017.

    Args:
        source: (N, 2) points of the first mixture.
        fake: (N, 2) their translations.
        mixtures: the two.

    Returns:
        "distinct_modes": each mode of the first mixture is mapped to the mode of the second that is nearest to most of
        its points; the number of different modes reached; "frac_near_mode": the share of points within three standard
        deviations of a mode of the second.
    """
    start = torch.cdist(source.double(), mixtures[0].centre.double().to(source.device)).argmin(1)
    distance, end = torch.cdist(fake.double(), mixtures[1].centre.double().to(fake.device)).min(1)
    counts = torch.zeros(len(mixtures[0].centre), len(mixtures[1].centre))
    counts.index_put_((start.cpu(), end.cpu()), torch.ones(len(source)), accumulate=True)
    present = counts.sum(1) > 0
    return {
        "distinct_modes": float(len(counts[present].argmax(1).unique())),
        "frac_near_mode": (distance <= NEAR * mixtures[1].std).double().mean().item(),
    }


def relation_errors(source: Tensor, fake: Tensor, mixtures: tuple[Mixture, Mixture]) -> dict[str, float]:
    """The standard error of each of the :func:`relation_scores`, where there are enough points for a jackknife."""
    if len(source) < 2 * GROUPS:
        return {}
    group = groups_of(torch.cdist(source.cpu(), mixtures[0].centre).argmin(1))
    kept = [torch.ones(len(source), dtype=torch.bool), *(group != left_out for left_out in range(GROUPS))]
    apart = [relation_scores(source.cpu()[here], fake.cpu()[here], mixtures) for here in kept]
    return {name: standard_error(torch.tensor([scores[name] for scores in apart])) for name in apart[0]}
