import pytest
import torch
from PIL import Image

from datamodules.embedded.digits import Digits, split_digits
from datamodules.embedded.gaussians import Ring
from datamodules.folders.class_folders import LabelledFolder
from datamodules.torchvision_sets.celeba import CelebA
from datamodules.translation import Direction
from datamodules.views.two_classes import ClassSubset, TwoClasses
from lightning_cgan.batches import PairSpec, Unpaired
from lightning_cgan.protocol import Protocol
from tests.datamodules.sets import write_celeba, write_folders
from tests.translation import Negative, trainer


def test_each_domain_is_one_class_and_nothing_else(tmp_path):
    digits = split_digits(16)
    for split, direction in (("val", Direction.a_to_b), ("test", Direction.b_to_a)):
        data = TwoClasses(Digits(), 3, 8, direction)
        for side, label in zip(
            data.eval_sources(split), (3, 8) if direction is Direction.a_to_b else (8, 3), strict=True
        ):
            assert torch.equal(side.images(all_of(side)), digits[split].image[digits[split].label == label])
    assert data.spec == PairSpec(1, 1, 16, reversed=True)


def all_of(side):
    from datamodules.core.order import SampleIndex

    place = torch.arange(len(side.label))
    return SampleIndex(torch.zeros_like(place), place)


def test_images_of_a_class_keep_their_names_and_digests(tmp_path):
    source = LabelledFolder(str(write_folders(tmp_path)), size=8, num_workers=0).source("train")
    part, mine = ClassSubset(source, 1), (source.label == 1).nonzero().flatten().tolist()
    assert part.names() == [source.names()[index] for index in mine]
    assert part.digests() == [source.digests()[index] for index in mine]


def test_training_images_are_augmented_and_measured_ones_are_not():
    plain, moved = (TwoClasses(Digits(shift=shift), 3, 8).domains("train")[0] for shift in (0, 2))
    assert not torch.equal(plain.images(all_of(plain)), moved.images(all_of(moved)))
    unmoved = TwoClasses(Digits(shift=2), 3, 8).eval_sources("train")[0]
    assert torch.equal(plain.images(all_of(plain)), unmoved.images(all_of(unmoved)))


def test_batches_are_unpaired_images_of_both(tmp_path):
    module = Negative()
    data = TwoClasses(Digits(size=8, batch_size=5), 0, 1)
    trainer(tmp_path, max_steps=3, limit_train_batches=2, num_sanity_val_steps=0, max_epochs=1).fit(module, data)
    assert all(isinstance(batch, Unpaired) and batch.a.shape == (1, 5, 1, 8, 8) for batch in module.trained)
    assert module.trained[0].a.min() == -1


def test_faces_with_an_attribute_and_without(tmp_path):
    data = TwoClasses(CelebA(str(write_celeba(tmp_path)), size=16, attributes=["Male"], num_workers=0))
    data.prepare_data()
    a, b = data.domains("train")
    assert (len(a.label), a.label.unique().tolist(), b.label.unique().tolist()) == (12, [0], [1])
    assert a.images(all_of(a)).shape == (12, 3, 16, 16)


@pytest.mark.parametrize(("a", "b"), [(3, 3), (0, 10), (-1, 2)])
def test_classes_that_are_not_two_are_refused(a, b):
    with pytest.raises(ValueError, match=rf"two classes from 0 to 9; got {a} and {b}. Set data.init_args.a"):
        TwoClasses(Digits(), a, b)


def test_data_without_classes_and_classes_without_images_are_refused(tmp_path):
    with pytest.raises(ValueError, match="this data set has no classes"):
        TwoClasses(CelebA(str(tmp_path)))
    digits = Digits()
    held = digits.source("train")
    held.label[held.label == 4] = 5
    with pytest.raises(ValueError, match="got no image of class 4 in the train split"):
        TwoClasses(digits, 4, 5).load("train")


def test_its_loading_is_that_of_the_labelled_set():
    data = TwoClasses(Ring(batch_size=7, evaluation_batch_size=9, num_workers=2), 0, 1)
    assert (data.batch_size, data.evaluation_batch_size, data.num_workers) == (7, 9, 2)


def test_the_card_says_how_the_splits_of_a_folder_were_made(tmp_path):
    for number in range(24):
        path = tmp_path / "train" / str(number % 2) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
    folder = LabelledFolder(str(tmp_path), size=8, num_workers=0)
    assert TwoClasses(folder).reference("val").split == "val (held out by name, a share of about 0.1)"
    assert TwoClasses(Digits(protocol=Protocol.MIMICRY)).reference("test").split == "test"
