import shutil
import warnings

import pytest
import torch

from datamodules.embedded.digits import Digits
from datamodules.folders.class_folders import UnlabelledFolder
from datamodules.folders.paired import PairedFolder
from datamodules.folders.unpaired import UnpairedFolder
from datamodules.views.semi_supervised import few_of_each
from datamodules.views.unpair import halves_of
from tests.datamodules.sets import put_picture, random_bytes, write_pairs, write_pictures, write_unpaired
from tests.translation import Negative, trainer


class Stage:
    """As much of a trainer as a data module asks when a checkpoint is loaded."""

    global_rank = 0
    training = True

    def __init__(self, stage):
        self.state = self
        self.fn = self
        self.value = stage


def pictures(root, stage="fit", **options):
    data = UnlabelledFolder(str(root), size=8, num_workers=0, **options)
    data.trainer = Stage(stage)
    if stage == "fit":
        data.setup("fit")
    return data


def told(data, state):
    """What is said when ``data`` meets a checkpoint."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        data.load_state_dict(state)
    return [str(one.message) for one in found]


def state_of(root):
    return pictures(root).state_dict()


def test_a_checkpoint_knows_each_image_in_plain_tensors_and_says_nothing_of_the_same_set(tmp_path):
    write_pictures(tmp_path / "a", 30)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    state = state_of(tmp_path / "a")
    torch.save(state, tmp_path / "x.ckpt")
    state = torch.load(tmp_path / "x.ckpt", weights_only=True)
    assert sum(len(one["key"]) for one in state.values()) == 30
    for stage in ("fit", "validate", "test"):
        assert told(pictures(tmp_path / "b", stage), state) == []


def test_going_on_with_another_set_says_how_many_images_came_went_and_have_other_content(tmp_path):
    write_pictures(tmp_path, 30)
    state = state_of(tmp_path)
    put_picture(tmp_path / "new1.png", random_bytes(1, 9, 9, 3))
    put_picture(tmp_path / "new2.png", random_bytes(2, 9, 9, 3))
    (tmp_path / "00004.jpg").unlink()
    (tmp_path / "00002.jpg").write_bytes((tmp_path / "00006.jpg").read_bytes()[:-9] + b"123456789")
    (line,) = told(pictures(tmp_path), state)
    assert line == "the images differ from those of the checkpoint: 2 added, 1 removed, 1 changed in content"


def test_images_that_were_trained_on_and_are_now_tested_on_are_told_with_their_number(tmp_path):
    write_pictures(tmp_path, 30)
    data = pictures(tmp_path)
    state = data.state_dict()
    trained = data.source("train").path[:3]
    (tmp_path / "test").mkdir()
    (tmp_path / "train").mkdir()
    for path in sorted(tmp_path.glob("*.jpg")) + sorted(tmp_path.glob("more/*.jpg")):
        path.rename(tmp_path / ("test" if str(path) in trained else "train") / path.name)
    lines = told(pictures(tmp_path, "test"), state)
    assert any("3 of the 3 test images were trained on, so their scores measure memorisation" in line for line in lines)
    again = pictures(tmp_path)
    told(again, state)
    assert len(again.state_dict()["earlier"]["key"]) > 0  # what was trained on once is not forgotten
    assert any(
        "3 of the 3 test images were trained on" in line
        for line in told(pictures(tmp_path, "test"), again.state_dict())
    )


def test_the_same_image_in_two_splits_is_told_before_training_be_it_a_link_or_a_copy(tmp_path):
    write_pictures(tmp_path / "train", 8)
    write_pictures(tmp_path / "test" / "own", 2)
    for number in (0, 1):
        for place in (tmp_path / "test" / "own").rglob(f"{number:05d}.jpg"):
            place.unlink()
    (tmp_path / "test" / "link.jpg").symlink_to("../train/00002.jpg")
    shutil.copy(tmp_path / "train" / "00004.jpg", tmp_path / "test" / "copy.jpg")
    put_picture(tmp_path / "test" / "own.png", random_bytes(99, 9, 9, 3))
    with pytest.warns(
        UserWarning, match=r"2 of the 3 test images are also training images.*copy\.jpg \(in training train/00004"
    ):
        pictures(tmp_path)


def test_images_in_memory_are_known_by_their_hash():
    state = Digits(size=8)
    state.setup("fit")
    state = state.state_dict()
    other = Digits(size=16)
    other.trainer = Stage("fit")
    other.setup("fit")
    assert told(other, state) == ["the train and val images are others than those of the checkpoint"]


@pytest.mark.parametrize(("kind", "write"), [(PairedFolder, write_pairs), (UnpairedFolder, write_unpaired)])
def test_sets_of_two_domains_tell_too_and_a_run_hands_it_on_through_its_checkpoint(tmp_path, kind, write):
    root = write(tmp_path / "set")

    def fit(steps, path=None):
        data = kind(str(root), size=16, num_workers=0)
        run = trainer(tmp_path, max_steps=steps, max_epochs=1, limit_val_batches=0)
        run.fit(Negative(), data, ckpt_path=path)
        run.save_checkpoint(tmp_path / "x.ckpt")

    fit(1)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="the images differ")
        fit(2, tmp_path / "x.ckpt")
    name = sorted(path for path in root.rglob("*.png") if "train" in str(path))[0]
    put_picture(name, random_bytes(77, 20, 48, 3))
    with pytest.warns(UserWarning, match="the images differ from those of the checkpoint: 1 changed in content"):
        fit(3, tmp_path / "x.ckpt")


class Files:
    """Images of which only names count."""

    def __init__(self, names):
        self.held, self.label = names, torch.zeros(len(names))

    def names(self):
        return self.held


def test_a_pair_stays_in_its_half_when_others_come_or_go():
    names = [f"train/A/{number}.png" for number in range(60)]
    first, second = halves_of(Files(names))
    assert sorted(first + second) == list(range(60))
    for gone in range(60):
        left = names[:gone] + names[gone + 1 :]
        halves = [{left[place] for place in half} for half in halves_of(Files(left))]
        assert halves == [{names[place] for place in half} - {names[gone]} for half in (first, second)]
    assert all(len(half) == 1 for half in halves_of(Files(["x", "y"])))


def test_an_image_that_comes_changes_one_known_label_at_most():
    names = [f"{number}.png" for number in range(40)]
    whole = {names[place] for place in few_of_each(torch.zeros(40), 1, 5, 0, names).tolist()}
    for gone in range(40):
        left = names[:gone] + names[gone + 1 :]
        few = {left[place] for place in few_of_each(torch.zeros(39), 1, 5, 0, left).tolist()}
        assert len(whole - few) <= 1
        assert names[gone] in whole or few == whole
