"""FID inside each class, which sees what one FID over all classes does not: a class without variety, a wrong label."""

from typing import Any, NamedTuple

from lightning_cgan.metrics.scores import Gathered, frechet_distance


class IntraClass(NamedTuple):
    """The FID inside each class, by class, and on how many images they rest."""

    distance: dict[int, float]
    reals: int  # in the class that has fewest
    fakes: int  # in the class that has fewest

    @property
    def mean(self) -> float:
        return sum(self.distance.values()) / len(self.distance) if self.distance else float("nan")

    @property
    def worst(self) -> float:
        return max(self.distance.values(), default=float("nan"))

    def card(self) -> dict[str, Any]:
        """What belongs beside the two scores."""
        worst = max(self.distance, key=lambda label: self.distance[label], default=None)
        return {
            "classes": len(self.distance),
            "worst_class": worst,
            "fewest_reals": self.reals,
            "fewest_fakes": self.fakes,
        }


def intra_class_fid(seen: Gathered) -> IntraClass:
    """FID between all real images of a class and all images generated for it. Miyato & Koyama 2018, Section 4.

    A covariance of fewer images than features has no full rank, and such distances are biased high: the paper's have
    1,300 real images of a class and 2,048 features, the digits 50 and 128. They compare models scored on the same
    images and numbers of images, and nothing else. Classes with fewer than two real or generated images are left out.
    """
    distance, counts = {}, [(0, 0)]
    labels = set(seen.truth.tolist()) & set(seen.label.tolist()) - {-1}
    for label in sorted(labels):
        real, fake = seen.real[seen.truth == label], seen.fake[seen.label == label]
        if min(len(real), len(fake)) > 1:
            distance[label] = frechet_distance(real, fake)
            counts.append((len(real), len(fake)))
    reals, fakes = zip(*(counts[1:] or counts), strict=True)
    return IntraClass(distance, min(reals), min(fakes))
