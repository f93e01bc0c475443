"""Evaluation protocols: reference split, numbers of images and constants of the distribution scores."""

from enum import Enum
from typing import NamedTuple


class Convention(NamedTuple):
    """Settings that must agree for scores to be comparable, in addition to extractor and reference images."""

    split: str | None = None  # reference of ``test``: "test", or "train+val", all training images
    reals: int | None = None  # largest number of real images, drawn from that split; all when None
    fakes: int | None = None  # number of generated images; the data module's when None
    inception_splits: int = 10
    neighbours: int = 3  # of precision and recall
    density_neighbours: int = 5  # of density and coverage
    kid_subsets: int = 0  # 0: the estimate over all pairs of images, without random subsets
    kid_subset_size: int = 1_000
    inception_resize: str | None = None  # required resize of the Inception extractor; any when None


class Protocol(Enum):
    """Named conventions, selected by ``data.init_args.protocol``.

    OWN: the test split, with the data module's number of generated images.
    PAPERS: 5,000 generated images against the test split, as Miyato & Koyama 2018 measured CIFAR-10. Their Inception
    Score is a mean over ten splits of 5,000 images each, so one split here is as large as one of theirs.
    MIMICRY: the baselines of kwotsin/mimicry: 50,000 generated against 50,000 training images; KID over 10 subsets of
    5,000.
    STUDIOGAN: the benchmark of PyTorch-StudioGAN since 2022: 50,000 generated images (its number for CIFAR-10 and the
    ImageNet family; for other data sets it generates as many as there are training images) against the training images,
    one Inception split, five neighbours, images resized for Inception by PIL's bilinear filter. Two of its settings are
    not reproduced: standing batch-norm statistics (the evaluation card records which were used), and scaling pixels by
    x / 127.5 - 1 where the reference network has (x - 128) / 128.
    """

    OWN = Convention()
    PAPERS = Convention(split="test", fakes=5_000, inception_splits=1)
    MIMICRY = Convention("train+val", 50_000, 50_000, kid_subsets=10, kid_subset_size=5_000)
    STUDIOGAN = Convention("train+val", None, 50_000, 1, neighbours=5, inception_resize="PIL bilinear to 299x299")
