import hashlib

import numpy as np
import pytest

from datamodules.render.buildings.classes import CLASS_NAMES, COLOURS, NUMBER, PALETTE
from datamodules.render.buildings.light import Hour
from datamodules.render.buildings.render import layouts, render


@pytest.fixture(scope="module")
def pairs():
    return [render((3, 0, number), 64) for number in range(60)]


def test_one_key_gives_the_same_bytes_again_whatever_was_drawn_between(pairs):
    state = np.random.get_state()[1].copy()
    for number in (5, 0):
        for first, again in zip(pairs[number], render((3, 0, number), 64), strict=True):
            assert first.tobytes() == again.tobytes()
    assert np.array_equal(state, np.random.get_state()[1])


@pytest.mark.parametrize("key", [(4, 0, 0), (3, 1, 0), (3, 0, 1)])
def test_each_number_of_a_key_gives_another_scene(key):
    (label, picture), (other_label, other_picture) = render((3, 0, 0), 64), render(key, 64)
    assert not np.array_equal(label, other_label)
    assert not np.array_equal(picture, other_picture)


def test_scenes_are_those_that_scores_were_measured_on():
    label, picture = render((0, 2, 0), 64)
    assert hashlib.sha256(label.tobytes()).hexdigest()[:16] == "483d1eddb3072b87"
    assert picture.mean((0, 1)) == pytest.approx([166.76, 173.38, 177.21], abs=0.05)


def test_classes_have_colours_of_their_own():
    assert len(PALETTE) == len(set(PALETTE.values())) == len(CLASS_NAMES) == 12
    assert COLOURS.dtype == np.uint8
    assert np.abs(COLOURS[:, None].astype(int) - COLOURS).sum(-1)[~np.eye(12, dtype=bool)].min() > 60


def test_every_class_appears_and_none_outweighs_all_others(pairs):
    share = np.bincount(np.concatenate([label.ravel() for label, _ in pairs]), minlength=12) / (60 * 64 * 64)
    assert share.min() > 0.005
    assert share.max() < 0.45
    assert share[NUMBER["wall"]] > share[NUMBER["window"]] > share[NUMBER["door"]]


def test_no_two_maps_are_alike(pairs):
    assert len({label.tobytes() for label, _ in pairs}) == len(pairs)


def test_pictures_change_where_the_classes_change_and_more_than_elsewhere(pairs):
    at, within = [], []
    for label, picture in pairs:
        change = np.abs(np.diff(picture.astype(float), axis=1)).mean(-1)
        edge = np.diff(label.astype(int), axis=1) != 0
        at.append(change[edge].mean())
        within.append(change[~edge].mean())
    assert np.mean(at) > 2 * np.mean(within)


@pytest.mark.parametrize("shift", [(0, 1), (1, 0), (0, -1), (-1, 0), (1, 1)])
def test_a_map_moved_by_one_pixel_explains_its_picture_less_well(pairs, shift):
    def unexplained(label, picture):
        """The variance of colours within the classes."""
        size = np.maximum(np.bincount(label.ravel(), minlength=12), 1)
        total = 0.0
        for channel in np.moveaxis(picture.astype(float), -1, 0):
            mean = np.bincount(label.ravel(), channel.ravel(), minlength=12) / size
            total += np.square(channel - mean[label]).mean()
        return total

    worse = [
        unexplained(np.roll(label, shift, (0, 1)), picture) > unexplained(label, picture) for label, picture in pairs
    ]
    assert np.mean(worse) > 0.9


def test_a_map_leaves_open_what_its_picture_looks_like(pairs):
    walls = [picture[label == NUMBER["wall"]].mean(0) for label, picture in pairs]
    assert np.std(walls, axis=0).min() > 25
    brightness = [picture.mean() for _, picture in pairs]
    assert max(brightness) > 3 * min(brightness)


@pytest.mark.parametrize("hour", list(Hour))
def test_the_hour_changes_the_light_and_not_the_layout(hour):
    label, picture = render((3, 0, 0), 64, hour=hour)
    assert np.array_equal(label, render((3, 0, 0), 64)[0])
    seen = {one: render((3, 0, 0), 64, hour=one)[1].mean() for one in Hour}
    assert seen[Hour.day] > seen[Hour.dusk] > seen[Hour.night]
    assert picture.mean() == seen[hour]


def test_a_layout_is_the_same_at_any_size():
    for number in range(8):
        small, large = (render((3, 0, number), size)[0] for size in (64, 192))
        agreement = (small == large[1::3, 1::3]).mean()
        assert agreement > 0.9
        assert set(np.unique(large)) == set(np.unique(small))


@pytest.mark.parametrize("size", [32, 33, 50, 128])
def test_any_size_can_be_drawn(size):
    label, picture = render((3, 0, 1), size, houses=3)
    assert label.shape == (size, 3 * size)
    assert picture.shape == (size, 3 * size, 3)
    assert picture.dtype == label.dtype == np.uint8
    assert label.max() < 12


def test_thin_things_are_two_pixels_thick_where_nothing_hides_them():
    for number in range(10):
        label, _ = render((3, 0, number), 64)
        rows = (label == NUMBER["cornice"]).any(1)
        runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], rows, [0]]))))[::2]
        assert runs.min() >= 2


def test_the_first_house_of_a_street_is_that_of_the_picture_alone():
    alone, _ = render((3, 0, 7), 64)
    street, picture = render((3, 0, 7), 64, houses=2)
    assert street.shape == (64, 128)
    assert np.array_equal(street[:, :64], alone)
    assert not np.array_equal(street[:, 64:], alone)
    assert picture.shape == (64, 128, 3)
    assert layouts((3, 0, 7), 2)[0] == layouts((3, 0, 7), 1)[0]
