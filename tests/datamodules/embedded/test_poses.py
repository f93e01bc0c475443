import numpy as np
import pytest
import torch

from datamodules.embedded.poses import VIEWS, Poses, PoseViews, cached_views, views_of
from datamodules.render.cars_and_chairs import Family
from datamodules.render.solids import FINER, Face, box, rendered
from lightning_cgan.batches import PairSpec, to_signed
from lightning_cgan.extractors.poses import PoseRegressor

CUBE = box((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5), 0.8)


def dark(picture):
    """Where something is drawn."""
    return picture < 250


def test_what_is_nearer_hides_what_is_behind_whatever_comes_first():
    wall = box((-1.0, -1.0, -0.5), (-0.9, 1.0, 0.5), 0.1)
    for faces in (CUBE + wall, wall + CUBE):
        picture = rendered(faces, 0, 32)
        alone = rendered(CUBE, 0, 32)
        inside = alone[14:18, 14:18]
        assert np.array_equal(picture[14:18, 14:18], inside)
    assert dark(rendered(CUBE + wall, 0, 32)).sum() > dark(alone).sum()


def test_a_cube_is_the_same_after_a_quarter_turn_and_never_leaves_holes():
    assert np.array_equal(rendered(CUBE, -30, 32), rendered(CUBE, 60, 32))
    for azimuth in range(0, 90, 7):
        rows = dark(rendered(CUBE, azimuth, 32))
        for row in rows[rows.any(1)]:
            first, last = row.argmax(), len(row) - row[::-1].argmax()
            assert row[first:last].all()


def test_faces_seen_from_behind_are_not_drawn():
    front = Face(np.array([[0, -0.5, -0.5], [0, 0.5, -0.5], [0, 0.5, 0.5], [0, -0.5, 0.5]]), 0.2)
    assert dark(rendered([front], 0, 16)).any()
    assert not dark(rendered([front], 180, 16)).any()


def test_a_front_turns_to_the_right_and_the_light_comes_from_the_left():
    car = Family.cars.make(np.random.default_rng(0))
    lamps = [
        np.argwhere(rendered(car, azimuth, 64)[25:50] > rendered(car[:-2], azimuth, 64)[25:50]) for azimuth in (-45, 45)
    ]
    assert lamps[0][:, 1].mean() < 32 < lamps[1][:, 1].mean()
    sides = [rendered(CUBE, azimuth, 64)[36, (24, 40)] for azimuth in (45,)]
    assert sides[0][0] > sides[0][1]


def test_edges_are_antialiased():
    picture = rendered(CUBE, 20, 32)
    assert len(np.unique(picture)) > 6
    assert FINER > 1


@pytest.mark.parametrize("family", Family)
def test_every_object_and_view_fills_the_picture_and_hardly_leaves_it(family):
    views = views_of(family, "train", range(8), 32)
    assert views.image.shape == (88, 1, 32, 32)
    border = torch.cat([views.image[:, 0, side] for side in (0, -1)] + [views.image[:, 0, :, side] for side in (0, -1)])
    assert (border < 250).float().mean() < 0.005  # the tip of a bonnet, in few
    assert (views.image < 250).float().mean((1, 2, 3)).min() > 0.04
    assert views.label.tolist() == [view + 90 for view in VIEWS] * 8


def test_views_are_a_pure_function_of_object_and_split():
    two = views_of(Family.cars, "train", range(3, 5), 8).image
    assert torch.equal(two[11:], views_of(Family.cars, "train", range(4, 5), 8).image)
    assert not torch.equal(two[11:], views_of(Family.cars, "val", range(4, 5), 8).image)
    within = views_of(Family.cars, "train", range(8), 8, within=80).label - 90
    assert -80 <= within.min() < -60
    assert 60 < within.max() <= 80
    assert len(within.unique()) > 40


def test_views_are_kept_for_the_next_run_and_a_broken_file_is_drawn_again(monkeypatch, tmp_path):
    monkeypatch.setenv("LIGHTNING_CGAN_CACHE", str(tmp_path))
    cached_views.cache_clear()
    one = cached_views(Family.chairs, "val", range(1), 8)
    (file,) = (tmp_path / "poses").iterdir()
    for content in (file.read_bytes(), b"torn"):
        file.write_bytes(content)
        cached_views.cache_clear()
        assert torch.equal(cached_views(Family.chairs, "val", range(1), 8).image, one.image)


def asked(monkeypatch, data):
    """What a data module asks to be drawn, by split and domain."""
    monkeypatch.setattr("datamodules.embedded.poses.cached_views", lambda *asked: asked)
    return {split: data.load(split) for split in ("train", "val", "test")}


def test_no_object_is_in_both_domains_and_each_split_draws_its_own(monkeypatch):
    for split, (a, b) in asked(monkeypatch, Poses(size=16, objects=7)).items():
        assert a[:2] == b[:2] == (Family.cars, split)
        assert not set(a[2]) & set(b[2])
        assert len(a[2]) == len(b[2]) == {"train": 7, "val": 40, "test": 100}[split]


def test_azimuths_to_train_on_may_be_continuous_and_those_to_evaluate_are_the_eleven(monkeypatch):
    drawn = asked(monkeypatch, Poses(Family.cars, Family.chairs, continuous=True))
    assert [side[-1] for pair in drawn.values() for side in pair] == [90, 90, None, None, None, None]
    assert [side[0] for side in drawn["train"]] == [Family.cars, Family.chairs]


def test_a_set_of_poses_is_a_set_of_two_domains():
    data = Poses(size=8, objects=2, batch_size=3)
    a, b = data.domains("train")
    assert a.image.shape == b.image.shape == (22, 1, 8, 8)
    assert (data.spec, data.batch_size) == (PairSpec(1, 1, 8), 3)
    assert not torch.equal(a.image, b.image)


def test_views_to_learn_from_are_of_both_families_and_their_class_is_the_azimuth():
    views = PoseViews(size=8, objects=2)
    label = views.source("train").label
    assert label.shape == (44,)
    assert 10 <= label.min() < label.max() <= 170 < views.spec.num_classes


def test_the_shipped_regressor_sees_the_azimuth_of_objects_that_it_was_not_trained_on():
    regressor = PoseRegressor()
    for size, bound in ((32, 1.5), (64, 3.0)):
        errors = []
        for family in Family:
            views = views_of(family, "test", range(4), size)
            errors.append(regressor(to_signed(views.image)) - (views.label - 90))
        assert torch.cat(errors).square().mean().sqrt() < bound


@pytest.mark.parametrize("options", [{"size": 4}, {"objects": 0}, {"batch_size": 0}])
def test_what_cannot_be_is_refused(options):
    with pytest.raises(ValueError, match=r"Set data.init_args"):
        Poses(**options)
