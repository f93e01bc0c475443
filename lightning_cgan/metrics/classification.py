"""GAN-train (classification accuracy score, CAS) and GAN-test: classifiers trained on generated and on real images.

GAN-train is the accuracy on real images of a classifier trained on generated ones: CAS of Ravuri & Vinyals 2019
(arXiv:1905.10887). GAN-test is the reverse; both after Shmelkov et al. 2018 (arXiv:1807.09499). Wrong labels, poor
images and missing variety all lower GAN-train.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from torchvision.models import resnet18

from lightning_cgan import keyed
from lightning_cgan.batches import ImageSpec, to_signed
from lightning_cgan.errors import UserError
from lightning_cgan.extractors.digits import SmallClassifier, jitter
from lightning_cgan.finite import check_trained

LEAK = 0.1  # tolerated share of test images among the training images
CHUNK = 500  # images classified at a time


class Recipe(NamedTuple):
    """How a classifier is trained: the same way on real and on generated images."""

    name: str  # of the network, on the card
    network: Callable[[ImageSpec], nn.Module]  # (B, C, H, W) in [-1, 1] to logits or ``ClassifierOutput``
    updates: int
    batch_size: int = 64
    rate: float = 5e-3  # peak of the one-cycle schedule

    def card(self, **counts: int) -> dict[str, Any]:
        """Its entries on the card, before ``counts`` of images."""
        settings = {"network": self.name, "updates": self.updates, "batch_size": self.batch_size, "rate": self.rate}
        return settings | counts


class GANTrainScores(NamedTuple):
    """Scores in [0, 1], their standard errors, and what they rest on; names as in ``metrics.json``."""

    scores: dict[str, float]
    standard_errors: dict[str, float]
    card: dict[str, Any]
    on_real: nn.Module  # the network that was trained on real images


def small(spec: ImageSpec) -> nn.Module:
    """The classifier of 16x16 images."""
    return SmallClassifier(spec.channels, spec.num_classes)


def residual(spec: ImageSpec) -> nn.Module:
    """ResNet-18 (He et al. 2016). Up to 64x64 its first layer keeps the size, as is usual for CIFAR."""
    network = resnet18(num_classes=spec.num_classes)
    wide = spec.size > 64
    network.conv1 = nn.Conv2d(spec.channels, 64, 7 if wide else 3, 2 if wide else 1, 3 if wide else 1, bias=False)
    if not wide:
        network.maxpool = nn.Identity()
    return network


# On the same fakes, five trainings of 600 updates gave 0.956 to 0.966, four of 400 0.946 to 0.968.
SMALL = Recipe("SmallClassifier", small, updates=600)
RESIDUAL = Recipe("ResNet-18", residual, updates=8_000, batch_size=128, rate=2e-3)


def recipe_for(spec: ImageSpec) -> Recipe:
    """The small classifier for images under 32x32 and for grey ones of 32x32; ResNet-18, which needs a GPU, above."""
    return SMALL if spec.size < 32 or (spec.channels == 1 and spec.size == 32) else RESIDUAL


@contextmanager
def keyed_streams(device: torch.device, *key: int | str) -> Iterator[None]:
    """Inside, torch's random streams of the CPU and ``device`` are seeded by ``key``; afterwards they are restored."""
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(keyed.seed_of(*key, seed=0))  # torch.manual_seed would seed all GPUs
        for gpu in cuda:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(keyed.seed_of(*key, seed=0))
        yield


def train_classifier(
    image: Tensor,
    label: Tensor,
    spec: ImageSpec,
    recipe: Recipe,
    device: torch.device | str = "cpu",
    purpose: str = "classifier",
) -> nn.Module:
    """A network of ``recipe`` trained by cross-entropy on jittered images, in eval mode on ``device``.

    AdamW with a one-cycle rate; batches are full, and an epoch shows each image once. Initial weights, order and
    jitter depend on ``purpose`` alone, not on the run's seed or any global random stream. May be called where
    Lightning has disabled gradients.

    Args:
        image: (N, C, H, W) uint8.
        label: (N,) int64.
    """
    device = torch.device(device)
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
        keyed_streams(device, purpose),
    ):
        network = recipe.network(spec).to(device).train()
        optimizer = AdamW(network.parameters(), lr=recipe.rate, weight_decay=1e-2)
        schedule = OneCycleLR(optimizer, max_lr=recipe.rate, total_steps=recipe.updates)
        for rows in batches(len(image), recipe, purpose):
            shown = jitter(to_signed(image[rows].to(device)))
            optimizer.zero_grad()
            cross_entropy(logits_of(network, shown), label[rows].to(device)).backward()
            optimizer.step()
            schedule.step()
    check_trained(network, "The classifier of images")
    return network.eval()


def batches(count: int, recipe: Recipe, purpose: str) -> Tensor:
    """Indices (updates, batch_size) into ``count`` images, epoch by epoch in a new order."""
    stream = keyed.generator(purpose, "order", seed=0)
    needed = recipe.updates * recipe.batch_size
    epochs = [torch.randperm(count, generator=stream) for _ in range(-(-needed // count))]
    return torch.cat(epochs)[:needed].view(recipe.updates, recipe.batch_size)


def logits_of(network: nn.Module, image: Tensor) -> Tensor:
    made = network(image)
    return made if isinstance(made, Tensor) else made.logits


def accuracy(network: nn.Module, image: Tensor, label: Tensor, device: torch.device | str = "cpu") -> float:
    """The share of uint8 images (N, C, H, W) that ``network`` puts in the class ``label`` (N,)."""
    with torch.no_grad(), torch.autocast(torch.device(device).type, enabled=False):
        predicted = [logits_of(network, to_signed(part.to(device))).argmax(1).cpu() for part in image.split(CHUNK)]
    return (torch.cat(predicted) == label.cpu()).double().mean().item()


def classification_scores(
    fake: Tensor,
    asked: Tensor,
    train: Tensor,
    train_label: Tensor,
    test: Tensor,
    test_label: Tensor,
    spec: ImageSpec,
    recipe: Recipe | None = None,
    device: torch.device | str = "cpu",
    on_real: nn.Module | None = None,
) -> GANTrainScores:
    """GAN-train, its ceiling on real images, and GAN-test; classifiers are trained on ``device``.

    Two classifiers of equal initial weights are trained equally long on generated and on as many real images.

    Args:
        fake: (K, C, H, W) uint8, generated; ``asked`` is the (K,) int64 requested class of each.
        train: (N, C, H, W) uint8, real, with ``train_label`` (N,).
        test: (M, C, H, W) uint8, real, none of which may be among ``train``, with ``test_label`` (M,).
        spec: of the images.
        recipe: :func:`recipe_for` ``spec`` when None.
        on_real: of an earlier call with the same real images, recipe and number of generated ones; saves half the time.

    Returns:
        "gan_train": accuracy on ``test`` of the classifier trained on generated images; "real_gan_train": of that
        trained on real ones, the ceiling; "gan_test": of the latter on all generated images. Standard errors are
        binomial over the images; they do not include the variation between trainings.

    Raises:
        UserError: without classes, for an invalid label, an empty set, or test images that are training images.
    """
    recipe = recipe or recipe_for(spec)
    sets = {"generated": (fake, asked), "training": (train, train_label), "test": (test, test_label)}
    for name, labelled in sets.items():
        check_labelled(name, *labelled, spec)
    check_apart(train, test)
    count = min(len(fake), len(train))
    on_fake = trained_on(fake, asked, count, spec, recipe, device)
    on_real = on_real or trained_on(train, train_label, count, spec, recipe, device)
    tested = {"gan_train": (on_fake, "test"), "real_gan_train": (on_real, "test"), "gan_test": (on_real, "generated")}
    scores = {name: accuracy(network, *sets[shown], device) for name, (network, shown) in tested.items()}
    errors = {name: binomial_error(scores[name], len(sets[shown][0])) for name, (_, shown) in tested.items()}
    card = recipe.card(generated=count, real=count, test=len(test))
    return GANTrainScores(scores, errors, card, on_real)


def trained_on(
    image: Tensor, label: Tensor, count: int, spec: ImageSpec, recipe: Recipe, device: torch.device | str
) -> nn.Module:
    """A classifier trained on ``count`` of these images, each class in its proportion."""
    chosen = in_proportion(label, count)
    return train_classifier(image[chosen], label[chosen], spec, recipe, device)


def binomial_error(share: float, images: int) -> float:
    """The standard error of a share of so many images."""
    return math.sqrt(share * (1 - share) / images)


def in_proportion(label: Tensor, count: int) -> Tensor:
    """Indices of ``count`` of the (N,) labels, at most N, with each class in its proportion to within one image."""
    return label.argsort(stable=True)[torch.arange(count) * len(label) // max(count, 1)]


def check_labelled(name: str, image: Tensor, label: Tensor, spec: ImageSpec) -> None:
    """Refuse a set on which no classifier can be trained or tested."""
    valid = bool(len(label)) and int(label.min()) >= 0 and int(label.max()) < spec.num_classes
    if not valid or len(image) != len(label) or image.dtype != torch.uint8:
        span = f"from {label.min()} to {label.max()}" if len(label) else "none"
        raise UserError(
            f"GAN-train (CAS) needs uint8 images with labels from 0 to {spec.num_classes - 1}; "
            f"got a {name} set of {len(image)} {image.dtype} images and {len(label)} labels, {span}. "
            "Leave this score out, or set data to a labelled set and model.class_path to a conditional paper."
        )


def check_apart(train: Tensor, test: Tensor) -> None:
    """Refuse test images that are among the training images, except for a few duplicates of the set."""
    known = {image.numpy().tobytes() for image in train.cpu()}
    duplicates = sum(image.numpy().tobytes() in known for image in test.cpu())
    if duplicates > LEAK * len(test):
        raise UserError(
            f"GAN-train (CAS) is measured on images that no classifier was trained on; got {duplicates} of "
            f"{len(test)} test images that are among the {len(train)} training images. Pass the test split of the data."
        )
