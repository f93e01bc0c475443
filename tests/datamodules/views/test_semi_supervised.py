import pytest
import torch
from PIL import Image
from torch.utils.data import default_collate

from datamodules.core.order import EvalRange
from datamodules.core.sources import InMemory
from datamodules.embedded.digits import Digits
from datamodules.labelled import LabelledDataModule
from datamodules.torchvision_sets.sets import Dequantized
from datamodules.views.semi_supervised import SemiLabelled, few_of_each
from lightning_cgan.batches import ImageSpec, PartlyLabelled
from tests.conftest import same

CLASSES = torch.arange(60) % 3


class Numbered(LabelledDataModule):
    """60 pictures of 1x1 whose grey is their place, from 100 on in the test; class = place modulo 3."""

    spec = ImageSpec(channels=1, size=1, num_classes=3)

    def load(self, split):
        number = torch.arange(60, dtype=torch.uint8) + 100 * (split == "test")
        return InMemory(number.view(60, 1, 1, 1), CLASSES.clone())


class Run:
    """What a data module asks of a trainer."""

    global_step, max_steps, max_epochs, global_rank, world_size = 0, 20, -1, 0, 1
    lightning_module = None

    def __init__(self, **changes):
        vars(self).update(changes)


def view(labels_per_class=4, label_seed=0, data=None, **run):
    semi = SemiLabelled(data or Numbered(batch_size=6), labels_per_class, label_seed)
    semi.trainer = Run(**run)
    semi.setup("fit")
    return semi


def batches(semi):
    return list(semi.train_dataloader())


def test_labels_are_balanced_and_true():
    places = few_of_each(CLASSES, 3, 4, label_seed=0)
    assert CLASSES[places].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert len(places.unique()) == 12
    for batch in batches(view()):
        assert torch.equal(batch.image.flatten() % 3, batch.label.flatten())


def test_which_labels_are_known_follows_the_label_seed_and_not_the_seed_of_the_run(monkeypatch):
    first = few_of_each(CLASSES, 3, 4, label_seed=0)
    assert not torch.equal(first, few_of_each(CLASSES, 3, 4, label_seed=1))
    order = batches(view())[0].image
    monkeypatch.setenv("PL_GLOBAL_SEED", "1")
    assert torch.equal(first, few_of_each(CLASSES, 3, 4, label_seed=0))
    assert not torch.equal(order, batches(view())[0].image)


def test_in_a_set_of_files_their_names_and_the_label_seed_decide_which_labels_are_known():
    def known(order, label_seed=0):
        class Files(InMemory):
            def names(self):
                return [f"{number}.png" for number in order]

        class Named(Numbered):
            def load(self, split):
                return Files(super().load(split).image[order], CLASSES[order])

        return {order[index] for index in SemiLabelled(Named(), 4, label_seed).labelled_indices()}

    there, back = list(range(60)), list(range(60))[::-1]
    assert known(there) == known(back) != known(there, label_seed=1)


def test_fewer_labels_are_some_of_more():
    few, more = (set(few_of_each(CLASSES, 3, count, label_seed=7).tolist()) for count in (2, 5))
    assert few < more


def test_labelled_images_go_round_and_the_unlabelled_are_all_images():
    parts = batches(view())
    labelled = torch.cat([batch.image.flatten() for batch in parts])
    known = set(few_of_each(CLASSES, 3, 4, 0).tolist())
    for start in range(0, 120, 12):  # 20 updates of 6 are ten passes over 12 images
        assert set(labelled[start : start + 12].tolist()) == known
    for stream in (0, 1):
        pool = torch.cat([batch.unlabelled[:, stream].flatten() for batch in parts])
        assert sorted(pool[:60].tolist()) == sorted(pool[60:].tolist()) == list(range(60))


def test_the_two_unlabelled_batches_are_in_independent_orders():
    batch = batches(view())[0]
    assert batch.unlabelled.shape == (1, 2, 6, 1, 1, 1)
    assert batch.unlabelled[0, 0].tolist() != batch.unlabelled[0, 1].tolist()


def test_labels_that_are_not_known_are_unreachable():
    semi = view()
    loader = semi.train_dataloader()
    known = few_of_each(CLASSES, 3, 4, 0)
    before = list(loader)
    garbage = semi.data.source("train").label
    kept = garbage[known].clone()
    garbage.fill_(99)
    garbage[known] = kept
    after = list(loader)
    assert same(before, after)
    garbage.fill_(99)
    assert torch.equal(next(iter(loader)).label, before[0].label)


def test_a_run_that_goes_on_sees_the_rest_of_the_same_batches():
    whole, rest = batches(view()), batches(view(global_step=13, max_steps=20))
    for one, other in zip(whole[13:], rest[:7], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_processes_share_the_batches_of_one():
    whole = batches(view())[4]
    shards = [batches(view(global_rank=rank, world_size=2))[4] for rank in (0, 1)]
    for field, axis in (("image", 1), ("label", 1), ("unlabelled", 2)):
        both = torch.stack([getattr(shard, field) for shard in shards], axis + 1).flatten(axis, axis + 1)
        assert torch.equal(both, getattr(whole, field))


def test_without_a_length_a_run_passes_once_over_the_unlabelled_images():
    assert len(batches(view(max_steps=-1))) == 10


def test_more_labels_than_a_class_has_are_refused_before_the_first_update():
    semi = SemiLabelled(Numbered(), labels_per_class=21)
    with pytest.raises(ValueError, match=r"gives 21 labels; class 0 has 20 training images. Set data.init"):
        semi.prepare_data()
    with pytest.raises(ValueError, match="at least 1; got 0"):
        SemiLabelled(Numbered(), labels_per_class=0)


def test_data_without_classes_are_refused():
    data = Numbered()
    data.spec = ImageSpec(1, 1, 0)
    with pytest.raises(ValueError, match="needs labelled images; this data set has no classes"):
        SemiLabelled(data, labels_per_class=1)


def test_evaluation_is_that_of_the_whole_set():
    semi = view(data=Digits(size=8, validation_fakes=20))
    semi.setup("test")
    assert sum(len(trial.image) for trial in semi.val_dataloader()) == 200
    assert semi.reference("test") == semi.data.reference("test")
    assert semi.spec == semi.data.spec


def test_images_of_all_three_kinds_become_signed_floats_as_the_set_does_it():
    byte = default_collate([torch.tensor([0, 255], dtype=torch.uint8)])[..., None, None, None]
    batch = PartlyLabelled(byte, torch.zeros(1, 2), torch.stack([byte, byte], 1))
    plain = view().on_after_batch_transfer(batch, 0)
    assert plain.image.flatten().tolist() == [-1, 1]
    assert plain.unlabelled.flatten().tolist() == [-1, 1] * 2

    class Noisy(Dequantized, Numbered):
        pass

    noisy = view(data=Noisy(batch_size=6)).on_after_batch_transfer(batch, 0)
    assert len(torch.cat([noisy.image.flatten(), noisy.unlabelled.flatten()]).unique()) == 6
    assert noisy.image.shape == byte.shape


def test_predict_classifies_the_test_images_in_their_order():
    semi = view()
    seen = list(semi.predict_dataloader())
    assert [name for batch in seen for name in batch.name] == [str(place) for place in range(60)]
    assert torch.cat([batch.image for batch in seen]).flatten().tolist() == list(range(100, 160))
    semi.trainer = Run(global_rank=1, world_size=2)
    semi.setup("predict")
    assert [len(batch.name) for batch in semi.predict_dataloader()] == [0]  # one batch for two processes


@pytest.mark.filterwarnings("ignore:1 files are left out")
def test_predict_classifies_the_pictures_of_a_folder(tmp_path):
    (tmp_path / "b").mkdir()
    Image.new("RGB", (40, 20), (255, 0, 0)).save(tmp_path / "b" / "red.png")
    Image.new("L", (5, 9), 200).save(tmp_path / "grey.png")
    (tmp_path / "notes.txt").write_text("no picture")
    semi = SemiLabelled(Digits(size=8), 1, predict_folder=str(tmp_path))
    semi.trainer = Run()
    semi.setup("predict")
    (batch,) = semi.predict_dataloader()
    assert batch.name == ["b/red.png", "grey.png"]
    assert batch.image.shape == (2, 1, 8, 8)
    assert batch.image[1].unique().tolist() == [200]
    assert semi.images_to_classify()[EvalRange(range(0), range(0))].image.shape == (0, 1, 8, 8)


def test_a_folder_without_pictures_is_refused(tmp_path):
    semi = SemiLabelled(Digits(size=8), 1, predict_folder=str(tmp_path))
    semi.trainer = Run()
    with pytest.raises(ValueError, match=r"holds the pictures to classify; got .* without pictures"):
        semi.setup("predict")
