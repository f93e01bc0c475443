from math import isnan

import pytest
import torch
from torch.nn.functional import cross_entropy

from lightning_cgan.batches import to_signed
from lightning_cgan.extractors.segmenter import SegmenterNetwork
from lightning_cgan.metrics.classification import batches, keyed_streams
from lightning_cgan.metrics.gan_train import NARROW, mirrored, seg_gan_train_scores, train_segmenter
from lightning_cgan.metrics.gan_train import tested as scores_of_images
from tests.conftest import same
from tests.maps import COLOURS, drawn_maps, pictured

QUICK = NARROW._replace(updates=30, rate=2e-2)


@pytest.fixture(scope="module")
def number():
    return drawn_maps(24, 16, "taught")


@pytest.fixture(scope="module")
def real(number):
    return pictured(number, "real")


def scored(fake, real, number, updates=3, **more):
    return seg_gan_train_scores(fake, real, number, len(COLOURS), QUICK._replace(updates=updates), **more)


def test_pictures_like_the_real_ones_teach_as_much_and_other_classes_teach_wrongly(number, real):
    alike = scored(pictured(number, "fake"), real, number, updates=30)
    assert alike.scores["seg_gan_train_accuracy"] > 0.9
    assert abs(alike.scores["seg_gan_train_accuracy"] - alike.scores["real_seg_gan_train_accuracy"]) < 0.05
    wrong = scored(pictured((number + 1) % 4, "fake"), real, number, updates=30, on_real=alike.on_real)
    assert wrong.scores["seg_gan_train_accuracy"] < 0.3
    assert wrong.scores["real_seg_gan_train_accuracy"] == alike.scores["real_seg_gan_train_accuracy"]
    assert alike.scores.keys() == alike.standard_errors.keys()
    assert len(alike.scores) == 6
    assert 0 < alike.standard_errors["seg_gan_train_accuracy"] < 0.05
    assert (alike.card["train_images"], alike.card["test_images"], alike.card["updates"]) == (12, 12, 30)


def test_real_pictures_reach_their_own_ceiling_exactly(number, real):
    own = scored(real, real, number)
    assert own.scores["seg_gan_train_iou"] == own.scores["real_seg_gan_train_iou"]


def test_no_picture_that_teaches_is_one_that_tests(number, real):
    """The generated pictures of the tested half have no say."""
    fake = pictured(number, "fake")
    other = fake.clone()
    other[1::2] = 0
    first = scored(fake, real, number)
    assert first.scores == scored(other, real, number).scores
    black = real.clone()
    black[::2] = 0
    assert first.scores == scored(fake, black, number, on_real=first.on_real).scores


def test_training_is_keyed_and_leaves_the_global_stream_alone(number, real):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = train_segmenter(real, number, 4, QUICK._replace(updates=3))
    assert torch.equal(torch.get_rng_state(), before)
    with torch.inference_mode():
        again = train_segmenter(real, number, 4, QUICK._replace(updates=3))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))


def test_training_is_adamw_with_a_one_cycle_rate_on_flipped_pixels_that_have_a_class(number, real):
    asked, brief = number.clone(), NARROW._replace(updates=3)
    asked[:, :8] = torch.tensor([-1, 4]).repeat(4)[:, None]
    with keyed_streams(torch.device("cpu"), "segmenter"):
        network = SegmenterNetwork(3, 4, width=12).train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=1e-2)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=3)
        for rows in batches(24, brief, "segmenter"):
            label = asked[rows, None]
            picture, label = mirrored(to_signed(real[rows]), label.where(label < 4, -1))
            optimizer.zero_grad()
            cross_entropy(network(picture), label[:, 0], ignore_index=-1).backward()
            optimizer.step()
            rate.step()
    trained = train_segmenter(real, asked, 4, brief)
    assert same(trained.state_dict(), network.state_dict())
    assert not trained.training


def test_standard_errors_leave_out_every_tenth_image_in_turn(number, real):
    network = SegmenterNetwork(3, 4, width=4).eval()
    found = scores_of_images(network, real, number, 4, "cpu")
    for group in range(10):
        kept = torch.arange(24) % 10 != group
        alone = scores_of_images(network, real[kept], number[kept], 4, "cpu")
        assert all(found[name][1 + group] == alone[name][0] for name in found)


def test_where_no_pixel_has_a_class_no_score_is_a_number(number, real):
    found = scored(real, real, torch.full_like(number, -1)).scores
    assert all(isnan(value) for value in found.values())


def test_pictures_and_their_classes_are_flipped_together():
    torch.manual_seed(0)
    image = torch.arange(32.0).view(8, 1, 1, 4)
    picture, number = mirrored(image, image.long())
    assert torch.equal(picture.long(), number)
    turned = (picture != image).flatten(1).any(1)
    assert 0 < turned.sum() < 8
    assert torch.equal(picture[turned], image[turned].flip(-1))


def test_one_picture_cannot_teach_and_test(number, real):
    with pytest.raises(ValueError, match="at least 2 are needed; got 1"):
        scored(real[:1], real[:1], number[:1])
