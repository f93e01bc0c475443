from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import loadmat

from datamodules.core.order import SampleIndex
from datamodules.files.image_files import Decoding
from datamodules.files.side_decoding import SideDecoding
from datamodules.torchvision_sets.base import resized
from datamodules.torchvision_sets.sets import CIFAR10, CIFAR100, MNIST, STL10, SVHN, FashionMNIST, ImageNet
from lightning_cgan.batches import ImageSpec, Labelled
from tests.datamodules.sets import (
    random_bytes,
    write_cifar,
    write_folders,
    write_mnist,
    write_stl10,
    write_svhn,
)


@pytest.mark.parametrize(("kind", "module", "classes"), [("CIFAR10", CIFAR10, 10), ("CIFAR100", CIFAR100, 100)])
def test_cifar_is_read_from_torchvisions_files(tmp_path, monkeypatch, kind, module, classes):
    data = module(root=str(write_cifar(tmp_path, monkeypatch, kind)))
    data.prepare_data()
    assert data.spec == ImageSpec(3, 32, classes)
    train, val, test = (data.source(split) for split in ("train", "val", "test"))
    assert train.image.shape[1:] == (3, 32, 32)
    assert train.image.dtype == torch.uint8
    assert len(train.label) + len(val.label) == len(test.label)
    assert len(val.label) == classes


COMMANDS = {
    CIFAR10: "CIFAR10('{root}', download=True)",
    CIFAR100: "CIFAR100('{root}', download=True)",
    MNIST: "MNIST('{root}', download=True)",
    FashionMNIST: "FashionMNIST('{root}', download=True)",
    STL10: "STL10('{root}', download=True)",
    SVHN: "SVHN('{root}', split='train', download=True); SVHN('{root}', split='test', download=True)",
}


@pytest.mark.parametrize("module", COMMANDS)
def test_a_set_that_is_not_there_is_answered_with_the_command_to_get_it(tmp_path, module):
    name = module.__name__
    with pytest.raises(ValueError, match="is read from disk; got no") as met:
        module(root=str(tmp_path)).prepare_data()
    command = f"from torchvision.datasets import {name}; {COMMANDS[module].format(root=tmp_path)}"
    assert f'Set data.init_args.root, or download once: python -c "{command}"' in str(met.value)


@pytest.mark.parametrize("module", [CIFAR10, CIFAR100, SVHN, STL10])
def test_a_set_with_damaged_files_is_refused_by_torchvisions_checksums(tmp_path, module, monkeypatch):
    if module is SVHN:
        (tmp_path / "train_32x32.mat").write_bytes(b"<html>")
    (tmp_path / getattr(module, "folder", "x")).mkdir()
    with pytest.raises(ValueError, match=r"is incomplete or damaged.*Set data.init_args.root, or .*download=True"):
        module(root=str(tmp_path)).load("train")


def test_a_download_is_asked_of_torchvision_for_every_part(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(SVHN, "archive", staticmethod(lambda root, **which: asked.append((root, which))))
    SVHN(root=str(tmp_path), download=True, extra=True).prepare_data()
    parts = ("train", "test", "extra")
    assert asked == [(str(tmp_path), {"split": part, "download": True}) for part in parts]


@pytest.mark.parametrize("module", [MNIST, FashionMNIST])
def test_mnist_is_split_and_keeps_its_official_test_set(tmp_path, module):
    data = module(root=str(write_mnist(tmp_path, module.__name__, count=60)))
    data.prepare_data()
    assert data.spec == ImageSpec(1, 28, 10)
    train, val, test = (data.source(split) for split in ("train", "val", "test"))
    assert (len(train.label), len(val.label), len(test.label)) == (50, 10, 60)
    assert sorted(val.label.tolist()) == list(range(10))
    assert torch.equal(test.image, torch.from_numpy(random_bytes(1, 60, 28, 28))[:, None])
    assert test.label.tolist() == [place % 10 for place in range(60)]


def test_mnist_of_32_pixels_has_a_black_border_and_other_sizes_are_interpolated(tmp_path):
    root = str(write_mnist(tmp_path))
    plain, wide, small, large = (MNIST(root=root, size=size).source("test").image for size in (28, 32, 14, 64))
    assert torch.equal(wide[..., 2:-2, 2:-2], plain)
    assert wide.sum() == plain.sum()
    assert small.shape == (40, 1, 14, 14)
    assert large.shape == (40, 1, 64, 64)
    assert small.dtype == large.dtype == torch.uint8
    blocks = torch.nn.functional.avg_pool2d(plain.float(), 2)
    assert torch.corrcoef(torch.stack([blocks.flatten(), small.flatten().float()]))[0, 1] > 0.9


@pytest.mark.parametrize("module", [MNIST, STL10, ImageNet])
def test_a_size_without_pixels_is_refused(module):
    with pytest.raises(ValueError, match=r"at least one pixel; got size 0. Set data.init_args.size"):
        module(size=0)


def test_in_svhn_the_digit_0_is_class_0(tmp_path, monkeypatch):
    data = SVHN(root=str(write_svhn(tmp_path, monkeypatch)))
    data.prepare_data()
    test = data.source("test")
    assert test.label.tolist() == [(place + 1) % 10 for place in range(40)]
    stored = loadmat(tmp_path / "test_32x32.mat")["X"]
    assert np.array_equal(test.image[7].numpy(), stored[..., 7].transpose(2, 0, 1))


def test_svhns_extra_images_are_trained_on_and_never_selected_by(tmp_path, monkeypatch):
    root = str(write_svhn(tmp_path, monkeypatch))
    few, many = SVHN(root=root), SVHN(root=root, extra=True)
    assert len(many.source("train").label) == len(few.source("train").label) + 40
    assert many.reference("val") == few.reference("val")
    (tmp_path / "extra_32x32.mat").unlink()
    few.prepare_data()
    with pytest.raises(ValueError, match=r"got no .*extra_32x32.mat"):
        many.prepare_data()


def test_stl10_has_labels_from_0_and_images_that_stand_upright(tmp_path, monkeypatch):
    data = STL10(root=str(write_stl10(tmp_path, monkeypatch)))
    test = data.source("test")
    assert data.spec == ImageSpec(3, 96, 10)
    assert test.label.tolist() == [place % 10 for place in range(40)]
    columns = torch.from_numpy(random_bytes(1, 40, 3, 96, 96))
    assert torch.equal(test.image, columns.mT)
    assert len(data.source("val").label) == 10


def test_stl10_without_labels_trains_on_the_unlabelled_images(tmp_path, monkeypatch):
    data = STL10(root=str(write_stl10(tmp_path, monkeypatch)), unlabelled=True, size=48)
    assert data.spec == ImageSpec(3, 48, 0)
    train, val, test = (data.load(split) for split in ("train", "val", "test"))
    assert (len(train.label), len(val.label), len(test.label)) == (59, 1, 40)
    assert not train.label.any()
    assert not test.label.any()
    assert train.image.shape == (59, 3, 48, 48)


@pytest.mark.parametrize("module", [CIFAR10, MNIST])
def test_without_dequantization_training_images_run_from_minus_one_to_one(module):
    batch = Labelled(torch.tensor([[0, 255]], dtype=torch.uint8), torch.tensor([3]))
    data = module(dequantize=False) if module is CIFAR10 else module()
    assert data.on_after_batch_transfer(batch, 0).image.tolist() == [[-1, 1]]


def test_training_images_are_dequantized_by_noise_of_the_update_and_the_process():
    """x / 128 - 1 plus uniform noise in [0, 1 / 128)."""
    level = torch.arange(256, dtype=torch.uint8).view(1, 16, 1, 4, 4)
    batch, noises = Labelled(level, torch.zeros(1, 16, dtype=torch.int64)), []
    for step, rank in ((0, 0), (1, 0), (0, 1), (0, 0)):
        data = CIFAR10()
        data.trainer = SimpleNamespace(global_step=step, global_rank=rank)
        noises.append((data.on_after_batch_transfer(batch, 0).image.double() + 1) * 128 - level)
        assert 0 <= noises[-1].min() < noises[-1].max() <= 1
        assert noises[-1].std().item() == pytest.approx(12**-0.5, rel=0.1)
    assert torch.equal(noises[0], noises[3])
    assert min((one - noises[0]).abs().mean() for one in noises[1:3]) > 0.2


def test_imagenet_splits_its_validation_images_between_selection_and_test(tmp_path):
    data = ImageNet(root=str(write_folders(tmp_path)), size=16, num_classes=3, num_workers=0)
    train, val, test = (data.source(split) for split in ("train", "val", "test"))
    assert (len(train.label), len(val.label) + len(test.label)) == (12, 12)
    assert set(val.label.tolist()) == set(test.label.tolist()) == {0, 1, 2}
    assert not set(val.path) & set(test.path)
    assert data.reference("val").sha256 != data.reference("test").sha256


def test_another_number_of_class_folders_is_refused(tmp_path):
    root = str(write_folders(tmp_path, classes=3))
    with pytest.raises(ValueError, match=r"each of 4 classes; it has 3. Set data.init_args.root or .*num_classes"):
        ImageNet(root=root, num_classes=4).setup("fit")
    with pytest.raises(ValueError, match="it has 0"):
        ImageNet(root=str(tmp_path / "nowhere"), num_classes=3).setup("fit")


def test_folders_of_other_names_are_refused(tmp_path):
    root = write_folders(tmp_path, classes=3)
    (root / "val" / "n00000002").rename(root / "val" / "n00000007")
    with pytest.raises(ValueError, match=r"folders of the same names.*n00000002 is in one only"):
        ImageNet(root=str(root), num_classes=3).setup("fit")


def test_imagenets_few_pictures_in_cmyk_are_taken_without_a_profile(tmp_path):
    root = write_folders(tmp_path)
    Image.new("CMYK", (40, 40), (0, 255, 255, 0)).save(root / "train" / "n00000000" / "0.JPEG")
    train = ImageNet(root=str(root), size=8, num_classes=3).source("train")
    place = torch.zeros(1, dtype=torch.int64)
    red = torch.tensor([255, 0, 0])[:, None, None]
    assert (train.images(SampleIndex(place, place))[0] - red).abs().max() <= 2


def test_imagenets_names_may_lie_in_hidden_or_linked_company(tmp_path):
    root = write_folders(tmp_path)
    (root / "train" / ".cache").mkdir()
    (root / "train" / "n00000001" / "back").symlink_to("../..")
    train = ImageNet(root=str(root), size=8, num_classes=3).source("train")
    assert train.label.bincount().tolist() == [4, 4, 4]


@pytest.mark.parametrize("size", [14, 20, 64])
def test_images_are_resized_as_pillow_resizes_them_to_within_one_level(size):
    image = torch.from_numpy(random_bytes(0, 3, 1, 28, 28)) // 4 + 90  # no level that Pillow clips between its passes
    pictures = [Image.fromarray(one[0].numpy()) for one in image]
    theirs = [np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC)) for picture in pictures]
    found = resized(image, size)
    assert found.dtype == torch.uint8
    assert np.abs(found[:, 0].numpy().astype(int) - np.stack(theirs)).max() <= 1


def test_pictures_are_decoded_as_pillow_resizes_their_centre_to_within_one_level(tmp_path):
    pixels = random_bytes(0, 40, 61, 3)
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    square = Image.fromarray(pixels[:, 10:50])
    for size, found, kind in (
        (16, Decoding(16)(str(path)), Image.Resampling.BILINEAR),
        (20, SideDecoding(20, resize="short_side")(str(path)), Image.Resampling.BICUBIC),
    ):
        shown = square if size == 16 else Image.fromarray(pixels).resize((30, 20), kind).crop((5, 0, 25, 20))
        theirs = np.asarray(shown.resize((size, size), kind)).transpose(2, 0, 1).astype(int)
        assert np.abs(found.numpy() - theirs).max() <= 1
