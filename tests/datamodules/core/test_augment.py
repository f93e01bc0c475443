from functools import partial

import torch

from datamodules.core.augment import Augmented, flipped, shifted
from datamodules.core.order import SampleIndex
from datamodules.core.sources import InMemory
from datamodules.embedded.digits import Digits

IMAGES = InMemory(torch.arange(20 * 9, dtype=torch.uint8).view(20, 1, 3, 3), torch.arange(20))


def positions(epoch, image):
    image = torch.tensor(image)
    return SampleIndex(torch.full_like(image, epoch), image)


def test_an_image_is_changed_alike_in_any_batch_of_an_epoch():
    source = Augmented(IMAGES, flipped)
    whole = source.images(positions(3, [list(range(10)), list(range(10, 20))]))
    part = source.images(positions(3, [7, 12]))
    assert whole.shape == (2, 10, 1, 3, 3)
    assert torch.equal(part, whole.flatten(0, 1)[[7, 12]])


def test_epochs_and_seeds_change_it_differently(monkeypatch):
    source = Augmented(IMAGES, flipped)
    first, second = (source.images(positions(epoch, list(range(20)))) for epoch in (0, 1))
    assert not torch.equal(first, second)
    monkeypatch.setenv("PL_GLOBAL_SEED", "1")
    assert not torch.equal(source.images(positions(0, list(range(20)))), first)


def test_a_flip_mirrors_about_half_of_the_images_and_changes_no_other():
    out = Augmented(IMAGES, flipped).images(positions(0, list(range(20))))
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(out, IMAGES.image, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(out, IMAGES.image, strict=True)]
    assert [a != b for a, b in zip(mirrored, kept, strict=True)] == [True] * 20
    assert 4 <= sum(mirrored) <= 16


def test_a_shift_reaches_every_offset_and_fills_with_black():
    image = torch.zeros(1, 5, 5, dtype=torch.uint8)
    image[0, 2, 2] = 200
    draw = torch.Generator().manual_seed(0)
    seen = {tuple(shifted(image, draw, pixels=1).nonzero()[0].tolist()) for _ in range(200)}
    assert seen == {(0, y, x) for y in (1, 2, 3) for x in (1, 2, 3)}


def test_only_training_digits_are_shifted():
    plain, moved = Digits(), Digits(shift=2)
    at = positions(0, list(range(50)))
    assert not torch.equal(plain.source("train").images(at), moved.source("train").images(at))
    assert torch.equal(plain.source("val").images(at), moved.source("val").images(at))
    assert moved.reference("test") == plain.reference("test")


def test_the_shift_is_bound_to_a_number_of_pixels():
    assert torch.equal(partial(shifted, pixels=0)(IMAGES.image[0], torch.Generator()), IMAGES.image[0])
