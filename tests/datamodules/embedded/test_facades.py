from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.embedded import facades
from datamodules.embedded.facades import Facades, Task, rendered
from datamodules.translation import Direction
from lightning_cgan.batches import PairSpec

FEW = {"size": 32, "pictures": 6, "validation_pictures": 3, "test_pictures": 4}


class Run:
    """What a data module asks of a trainer."""

    global_step, max_steps, max_epochs, global_rank, world_size = 0, 20, -1, 0, 1
    lightning_module = None


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIGHTNING_CGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def data(**changes):
    made = Facades(**(FEW | {"batch_size": 3, "evaluation_batch_size": 2} | changes))
    made.trainer = Run()
    return made


def classes(image):
    """(N, 3, H, W) to (N, H, W) class numbers; fails where a colour is not of the palette."""
    equal = (image[:, None] == Facades(**FEW).palette[None, :, :, None, None]).all(2)
    assert bool((equal.sum(1) == 1).all())
    return equal.int().argmax(1)


def test_label_maps_have_the_colours_of_the_palette_and_nothing_else():
    maps, pictures = data().eval_sources("test")
    assert maps.image.shape == pictures.image.shape == (4, 3, 32, 32)
    expected = rendered(32, 4, 1, 0, "test", None)
    assert np.array_equal(classes(maps.image).numpy(), expected["label"])
    assert np.array_equal(pictures.image.permute(0, 2, 3, 1).numpy(), expected["picture"])
    assert data().palette.shape == (len(data().class_names), 3)


def test_what_is_said_of_the_set_follows_the_direction():
    there, back = data(), data(direction=Direction.b_to_a)
    assert there.spec == back.spec.back() == PairSpec(3, 3, 32)
    assert (there.labels_in, back.labels_in) == ("a", "b")
    assert torch.equal(there.eval_sources("val")[0].image, back.eval_sources("val")[1].image)


def test_no_scene_is_in_two_splits_and_another_scene_seed_gives_others():
    seen = [rendered(32, 20, 1, seed, split, None)["label"] for seed in (0, 1) for split in ("train", "val", "test")]
    assert len({scene.tobytes() for part in seen for scene in part}) == 120


def test_more_pictures_begin_with_the_fewer():
    few, more = data().eval_sources("test")[1], data(test_pictures=6).eval_sources("test")[1]
    assert torch.equal(more.image[:4], few.image)


def test_scenes_do_not_depend_on_the_seed_of_the_run(monkeypatch):
    before = data().reference("val")
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    assert data().reference("val") == before


def test_a_street_is_wider_than_what_is_trained_on():
    street = data(street=3)
    for split in ("val", "test"):
        maps, pictures = street.eval_sources(split)
        assert maps.image.shape[1:] == pictures.image.shape[1:] == (3, 32, 96)
        assert torch.equal(maps.image[..., :32], data().eval_sources(split)[0].image)
    assert street.eval_sources("train")[0].image.shape[1:] == (3, 32, 32)


def test_day_and_night_show_the_same_houses():
    both = data(task=Task.day_and_night)
    day, night = (side.image.float() for side in both.eval_sources("test"))
    assert (day.mean((1, 2, 3)) > 1.5 * night.mean((1, 2, 3))).all()
    assert both.palette is None
    assert both.labels_in is None

    def edges(picture):
        change = picture.mean(1).diff(dim=2).abs().flatten(1)
        return change > change.quantile(0.9, dim=1, keepdim=True)

    day_edges, night_edges = edges(day), edges(night)
    shared = (day_edges & night_edges).sum() / day_edges.sum()
    assert shared > 0.4  # one tenth by chance


def test_scenes_are_read_from_the_cache_and_not_drawn_again(cache, monkeypatch):
    first = rendered(32, 3, 1, 0, "train", None)
    (file,) = cache.rglob("*.npz")
    assert [path for path in cache.rglob("*") if path.is_file()] == [file]
    monkeypatch.setattr(facades, "render", None)
    again = rendered(32, 3, 1, 0, "train", None)
    assert all(np.array_equal(first[key], again[key]) for key in ("label", "picture"))


@pytest.mark.parametrize("damage", ["empty", "cut", "changed", "no file of arrays"])
def test_a_broken_file_in_the_cache_is_drawn_again(cache, damage):
    first = rendered(32, 3, 1, 0, "train", None)
    (file,) = cache.rglob("*.npz")
    whole = file.read_bytes()
    middle = len(whole) // 2
    broken = {
        "empty": b"",
        "cut": whole[:middle],
        "changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "no file of arrays": b"something else",
    }
    file.write_bytes(broken[damage])
    again = rendered(32, 3, 1, 0, "train", None)
    assert np.array_equal(first["picture"], again["picture"])
    assert file.read_bytes() == whole


def test_each_set_of_arguments_and_each_program_has_a_file_of_its_own(cache, monkeypatch):
    rendered(32, 2, 1, 0, "train", None)
    for other in [(33, 2, 1, 0, "train"), (32, 3, 1, 0, "train"), (32, 2, 2, 0, "train"), (32, 2, 1, 1, "train")]:
        rendered(*other, None)
    rendered(32, 2, 1, 0, "val", None)
    rendered(32, 2, 1, 0, "train", facades.Hour.day)
    monkeypatch.setattr(facades, "program", lambda: "another")
    rendered(32, 2, 1, 0, "train", None)
    assert len(list(cache.rglob("*.npz"))) == 8


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LIGHTNING_CGAN_CACHE", str(tmp_path / "file"))
    assert rendered(32, 1, 1, 0, "train", None)["label"].shape == (1, 32, 32)


def test_two_processes_may_draw_one_set_at_once(cache):
    asked = 32, 4, 1, 0, "val", None
    with get_context("fork").Pool(2) as pool:
        both = [pool.apply_async(rendered, asked) for _ in range(2)]
        seen = [one.get(timeout=100)["picture"] for one in both]
    assert all(np.array_equal(picture, rendered(*asked)["picture"]) for picture in seen)
    assert [path.suffix for path in Path(cache).rglob("*") if path.is_file()] == [".npz"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 31}, r"32 pixels high or higher; got 31\. Set data\.init_args\.size"),
        ({"pictures": 0}, r"pictures counts pairs, at least one; got 0\. Set data\.init_args\.pictures"),
        ({"validation_pictures": -1}, r"got -1\. Set data\.init_args\.validation_pictures"),
        ({"test_pictures": 0}, r"got 0\. Set data\.init_args\.test_pictures"),
        ({"street": 0}, r"street counts houses, at least one; got 0\. Set data\.init_args\.street"),
        ({"scene_seed": -1}, r"scene_seed is 0 or more; got -1\. Set data\.init_args\.scene_seed"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is(wrong, message):
    with pytest.raises(ValueError, match=message):
        data(**wrong)
