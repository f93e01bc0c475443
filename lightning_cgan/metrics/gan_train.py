"""What can be learnt from generated pictures: a segmenter that only ever saw them, tested on real ones.

The classification accuracy score of Ravuri & Vinyals 2019 (arXiv:1905.10887) for pixels. A segmenter of real pictures
reads averaged ones as well: of rendered facades that were blended half and half with the mean colours of their classes
it reads 0.966 of the pixels, of real ones 0.972. What such pictures teach is another matter: 0.816, where real ones
teach 0.929. So the two scores may rank losses in opposite orders, and are to be shown together.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from lightning_cgan.batches import ImageSpec, to_signed
from lightning_cgan.errors import UserError
from lightning_cgan.extractors.segmenter import SegmenterNetwork, decided
from lightning_cgan.finite import check_trained
from lightning_cgan.metrics.classification import Recipe, batches, keyed_streams
from lightning_cgan.metrics.jackknife import GROUPS, standard_error
from lightning_cgan.metrics.segmentation import by_group, confusion, leaving_out, segmentation_scores


class Taught(NamedTuple):
    """Scores in [0, 1], their standard errors, and what they rest on; names as in ``metrics.json``."""

    scores: dict[str, float]
    standard_errors: dict[str, float]
    card: dict[str, Any]
    on_real: nn.Module  # the segmenter that was trained on real pictures


def narrow(spec: ImageSpec) -> nn.Module:
    return SegmenterNetwork(spec.channels, spec.num_classes, width=12)


NARROW = Recipe("SegmenterNetwork", narrow, updates=250, batch_size=8, rate=1e-2)


def train_segmenter(
    picture: Tensor,
    number: Tensor,
    classes: int,
    recipe: Recipe = NARROW,
    device: torch.device | str = "cpu",
    purpose: str = "segmenter",
) -> nn.Module:
    """A network of ``recipe`` trained by cross-entropy on flipped pictures, in eval mode on ``device``.

    AdamW with a one-cycle rate. First weights, order and flips are a function of ``purpose`` alone: not of the run's
    seed, nor of any global stream. May be called where Lightning has switched gradients off.

    Args:
        picture: (N, C, H, W) uint8.
        number: (N, H, W), the class of each pixel; pixels of none of the ``classes`` teach nothing.
    """
    device = torch.device(device)
    number = torch.where((number >= 0) & (number < classes), number, -100)  # which cross_entropy leaves out
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
        keyed_streams(device, purpose),
    ):
        spec = ImageSpec(picture.shape[1], picture.shape[-1], classes)
        network = recipe.network(spec).to(device).train()
        optimizer = AdamW(network.parameters(), lr=recipe.rate, weight_decay=1e-2)
        schedule = OneCycleLR(optimizer, max_lr=recipe.rate, total_steps=recipe.updates)
        for rows in batches(len(picture), recipe, purpose):
            shown, asked = mirrored(to_signed(picture[rows].to(device)), number[rows, None].to(device))
            optimizer.zero_grad()
            cross_entropy(network(shown), asked[:, 0].long()).backward()
            optimizer.step()
            schedule.step()
    check_trained(network, "The segmenter of pictures")
    return network.eval()


def mirrored(*images: Tensor) -> tuple[Tensor, ...]:
    """Batches (B, C, H, W), all flipped left to right at the same random half of the places."""
    turned = torch.rand(len(images[0]), 1, 1, 1, device=images[0].device) < 0.5
    return tuple(torch.where(turned, image.flip(-1), image) for image in images)


def taught_scores(
    fake: Tensor,
    real: Tensor,
    number: Tensor,
    classes: int,
    recipe: Recipe = NARROW,
    device: torch.device | str = "cpu",
    on_real: nn.Module | None = None,
) -> Taught:
    """How well generated pictures teach what real ones show, and how well as many real ones do.

    Two segmenters, equal before, take as many updates: on every second generated picture, and on the real pictures of
    the same label maps. Both are tested on the other real pictures, so that neither has seen a label map of the test.

    Args:
        fake: (N, C, H, W) uint8, generated.
        real: (N, C, H, W) uint8, the real picture that each should be.
        number: (N, H, W), the class of each pixel that they were made from; pixels of none of the classes are left out.
        classes: how many there are.
        recipe: of both trainings.
        on_real: of an earlier call with the same real pictures, classes and recipe; saves half the time.

    Returns:
        "taught_accuracy", "taught_class_accuracy" and "taught_iou" of the first segmenter, "real_taught_accuracy" and
        so on of the second: the ceiling. The standard errors are those of the jackknife over the pictures tested: they
        are blind to another training of the same segmenter.

    Raises:
        UserError: for fewer than two pictures.
    """
    if len(fake) < 2:
        raise UserError(
            f"One half of the pictures teaches and the other tests, so at least 2 are needed; met {len(fake)}. "
            "Test on more images."
        )
    on_fake = train_segmenter(fake[::2], number[::2], classes, recipe, device)
    on_real = on_real or train_segmenter(real[::2], number[::2], classes, recipe, device)
    scores: dict[str, float] = {}
    errors: dict[str, float] = {}
    for prefix, network in (("", on_fake), ("real_", on_real)):
        for name, values in tested(network, real[1::2], number[1::2], classes, device).items():
            scores[f"{prefix}taught_{name}"] = values[0].item()
            errors[f"{prefix}taught_{name}"] = standard_error(values)
    card = {"network": recipe.name, "updates": recipe.updates, "batch_size": recipe.batch_size, "rate": recipe.rate}
    return Taught(scores, errors, card | {"taught": len(fake[::2]), "tested": len(fake[1::2])}, on_real)


def tested(
    network: nn.Module, picture: Tensor, number: Tensor, classes: int, device: torch.device | str
) -> dict[str, Tensor]:
    """Scores (1 + G,) of ``network`` on pictures, whole and without each group of them."""
    found = decided(lambda part: network(to_signed(part.to(device))).cpu(), picture)
    matrix = confusion(found, number.long(), classes)
    return segmentation_scores(leaving_out(by_group(matrix, torch.arange(len(picture)) % GROUPS)))
