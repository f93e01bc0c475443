"""Memorisation: are generated images nearer to the training images than held-out real images are?"""

from typing import NamedTuple

import torch
from torch import Tensor

from lightning_cgan.metrics.distribution.fid import mean
from lightning_cgan.metrics.distribution.pairwise_blocks import BLOCK, Points, careful, distances, scratch, tables
from lightning_cgan.metrics.jackknife import kept, means

PAIRS = 4096  # whose distance is computed again at a time


class Neighbours(NamedTuple):
    """The training image nearest to each of some images, in feature space."""

    nearest: Tensor  # (K,) int64, its place among the training images
    distance: Tensor  # (K,) float64, exactly 0 between equal features


def nearest_neighbours(
    features: Tensor, train: Tensor, block: int = BLOCK, device: torch.device | str = "cpu"
) -> Neighbours:
    """Of features (K, F) among those of the training images (T, F), at least one; both float32.

    Raises:
        UserError: if memory runs out, naming the key that lowers the need.
    """
    centre = mean(train).float().to(device)
    asked, known = (Points(points, torch.arange(len(points)), centre) for points in (features, train))
    closest = torch.full((len(features),), torch.inf, device=device)
    place = torch.zeros(len(features), dtype=torch.int64, device=device)
    with careful(block):
        memory = scratch(2, block, asked, known)
        for b in known.columns(block):
            for a in asked.rows(block):
                product, apart = tables(memory, a, b)
                value, index = distances(a, b, product, out=apart).min(1)
                better = value < closest[a.rows]
                closest[a.rows] = value.where(better, closest[a.rows])
                place[a.rows] = (index + b.rows.start).where(better, place[a.rows])
    place = place.cpu()
    pairs = zip(features.split(PAIRS), place.split(PAIRS), strict=True)
    exact = [(some.double() - train[at]).norm(dim=1) for some, at in pairs]
    return Neighbours(place, torch.cat(exact))


def memorisation(fake: Neighbours, real: Neighbours, group: Tensor, groups: int) -> dict[str, Tensor]:
    """Distances of generated images to the training set; each score is (1 + G,), of all images and without each group.

    "memorised" is the probability that a generated image is nearer to its nearest training image than a held-out real
    image is to its own, ties counting half: the Mann-Whitney statistic of Meehan et al. 2020, Section 3, with the whole
    space as one cell. It is 0.5 for new images of the same distribution, 1 for copies, and below 0.5 for images far
    from all real ones. "train_distance" and "train_distance_real" are the medians of
    both distances.
    """
    held_out = real.distance.sort().values
    nearer = len(held_out) - torch.searchsorted(held_out, fake.distance, right=True)
    no_farther = len(held_out) - torch.searchsorted(held_out, fake.distance)
    medians = [fake.distance[weight[group] > 0].quantile(0.5) for weight in kept(groups)]
    return {
        "memorised": means((nearer + no_farther) / (2 * len(held_out)), group, groups),
        "train_distance": torch.stack(medians),
        "train_distance_real": held_out.quantile(0.5).reshape(1),
    }
