"""GAN-train for segmentation: a segmenter is trained on generated images only and tested on real ones.

GAN-train of Shmelkov et al. 2018 (arXiv:1807.09499), or the classification accuracy score of Ravuri & Vinyals 2019
(arXiv:1905.10887), for pixels. A segmenter trained on real images also segments blurred ones well: on rendered facades
blended half and half with the mean colours of their classes its accuracy is 0.966, on real ones 0.972. A segmenter
trained on such images reaches only 0.816, one trained on real ones 0.929. The two scores may rank losses in opposite
orders and should be shown together.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from lightning_cgan.batches import ImageSpec, to_signed
from lightning_cgan.errors import UserError
from lightning_cgan.extractors.segmenter import SegmenterNetwork, segment
from lightning_cgan.finite import check_trained
from lightning_cgan.metrics.classification import GANTrainScores, Recipe, batches, keyed_streams
from lightning_cgan.metrics.jackknife import GROUPS, standard_error
from lightning_cgan.metrics.segmentation import by_group, confusion, leaving_out, segmentation_scores


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
    """A network of ``recipe`` trained by cross-entropy on flipped images, in eval mode on ``device``.

    AdamW with a one-cycle rate. Initial weights, order and flips depend on ``purpose`` alone, not on the run's seed or
    any global random stream. May be called where Lightning has disabled gradients.

    Args:
        picture: (N, C, H, W) uint8.
        number: (N, H, W), the class of each pixel; pixels of no class are ignored.
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
    """Batches (B, C, H, W), flipped left to right at the same random half of the indices."""
    turned = torch.rand(len(images[0]), 1, 1, 1, device=images[0].device) < 0.5
    return tuple(torch.where(turned, image.flip(-1), image) for image in images)


def seg_gan_train_scores(
    fake: Tensor,
    real: Tensor,
    number: Tensor,
    classes: int,
    recipe: Recipe = NARROW,
    device: torch.device | str = "cpu",
    on_real: nn.Module | None = None,
) -> GANTrainScores:
    """Scores on real images of a segmenter trained on generated images, and of one trained on as many real images.

    Two segmenters of equal initial weights take the same number of updates: one on every second generated image, one on
    the real images of the same label maps. Both are tested on the other real images, so no label map of the test was
    trained on.

    Args:
        fake: (N, C, H, W) uint8, generated.
        real: (N, C, H, W) uint8, the real picture that each should be.
        number: (N, H, W), the class of each pixel of the label maps; pixels of no class are ignored.
        classes: the number of classes.
        recipe: of both trainings.
        on_real: of an earlier call with the same real images, classes and recipe; saves half of the time.

    Returns:
        "seg_gan_train_accuracy", "..._class_accuracy" and "..._iou" of the first segmenter, and of the second, the
        ceiling, with "real_" before them. Jackknife errors over the test images exclude variation between trainings.

    Raises:
        UserError: for fewer than two images.
    """
    if len(fake) < 2:
        raise UserError(
            f"One half of the images trains a segmenter, the other tests it: at least 2 are needed; got {len(fake)}. "
            "Test on more images."
        )
    on_fake = train_segmenter(fake[::2], number[::2], classes, recipe, device)
    on_real = on_real or train_segmenter(real[::2], number[::2], classes, recipe, device)
    scores: dict[str, float] = {}
    errors: dict[str, float] = {}
    for prefix, network in (("", on_fake), ("real_", on_real)):
        for name, values in tested(network, real[1::2], number[1::2], classes, device).items():
            scores[f"{prefix}seg_gan_train_{name}"] = values[0].item()
            errors[f"{prefix}seg_gan_train_{name}"] = standard_error(values)
    card = recipe.card(train_images=len(fake[::2]), test_images=len(fake[1::2]))
    return GANTrainScores(scores, errors, card, on_real)


def tested(
    network: nn.Module, picture: Tensor, number: Tensor, classes: int, device: torch.device | str
) -> dict[str, Tensor]:
    """Scores (1 + G,) of ``network`` on images, of all and without each group."""
    prediction = segment(lambda part: network(to_signed(part.to(device))).cpu(), picture)
    matrix = confusion(prediction, number.long(), classes)
    return segmentation_scores(leaving_out(by_group(matrix, torch.arange(len(picture)) % GROUPS)))
