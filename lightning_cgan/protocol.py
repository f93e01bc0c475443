"""How scores are measured: against which images, on how many, with which constants. Without this a score is none."""

from enum import Enum
from typing import NamedTuple


class Convention(NamedTuple):
    """What has to agree for two scores to be comparable, beside the extractor and the reference images."""

    split: str | None = None  # that ``test`` compares with: "test", or "train+val", all images there are to train on
    reals: int | None = None  # at most, drawn from that split; all when None
    fakes: int | None = None  # as the data module says when None
    inception_splits: int = 10
    neighbours: int = 3  # of precision and recall
    density_neighbours: int = 5  # of density and coverage
    kid_subsets: int = 0  # 0: the estimate over all pairs of images, which no draw of subsets can change
    kid_subset_size: int = 1_000
    inception_resize: str | None = None  # that the Inception extractor must have; any when None


class Protocol(Enum):
    """Conventions by name; ``data.init_args.protocol`` chooses one.

    OWN: the test split, and as many generated images as the data module says.
    PAPERS: 5,000 generated images against the test split, as Miyato & Koyama 2018 measured CIFAR-10. Their Inception
    Score is a mean over ten splits of as many images each, so that here one split has what each of theirs has.
    MIMICRY: the baselines of kwotsin/mimicry: 50,000 against 50,000 training images; KID over 10 subsets of 5,000.
    STUDIOGAN: the benchmark of PyTorch-StudioGAN since 2022: 50,000 (its number for CIFAR-10 and the ImageNet family;
    for other sets it has as many as there are training images) against the training images, one Inception split,
    five neighbours, and images brought to Inception's size by PIL's bilinear filter. Its standing batch-norm
    statistics are not reproduced (the card says which ones were used), nor that it scales pixels by x / 127.5 - 1
    where the reference network has (x - 128) / 128.
    """

    OWN = Convention()
    PAPERS = Convention(split="test", fakes=5_000, inception_splits=1)
    MIMICRY = Convention("train+val", 50_000, 50_000, kid_subsets=10, kid_subset_size=5_000)
    STUDIOGAN = Convention("train+val", None, 50_000, 1, neighbours=5, inception_resize="PIL bilinear to 299x299")
