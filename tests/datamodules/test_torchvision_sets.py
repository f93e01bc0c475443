import pytest
import torch
from PIL import Image

from datamodules.order import Positions
from datamodules.torchvision_sets import CIFAR10, CIFAR100, Files, ImageNet, held_out
from lightning_cgan.contract import ImageSpec
from lightning_cgan.papers.projection import ProjectionGAN
from tests.datamodules.sets import write_cifar, write_folders


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


@pytest.mark.parametrize("module", [CIFAR10, CIFAR100])
def test_a_set_that_is_not_there_is_answered_with_the_command_to_get_it(tmp_path, module):
    name = module.__name__
    with pytest.raises(ValueError, match=rf"import {name}; {name}\('{tmp_path}', download=True\)"):
        module(root=str(tmp_path)).prepare_data()


def test_training_images_are_dequantized_by_keyed_noise(tmp_path, monkeypatch, run):
    root = write_cifar(tmp_path / "data", monkeypatch, "CIFAR10")
    seen = []
    original = ProjectionGAN.training_step

    def note(self, batch, batch_idx):
        seen.append(batch.image.clone())
        original(self, batch, batch_idx)

    monkeypatch.setattr(ProjectionGAN, "training_step", note)
    for folder in ("a", "b"):
        flags = [
            "--data=datamodules.torchvision_sets.CIFAR10",
            f"--data.init_args.root={root}",
            "--trainer.num_sanity_val_steps=0",
        ]
        assert run("fit", *flags, folder=folder, steps=2, every=10) == 0
    assert torch.equal(seen[0], seen[2])
    level = (seen[0] + 1) * 128
    noise, next_noise = level - level.floor(), ((seen[1] + 1) * 128).frac()
    assert (noise - next_noise).abs().mean() > 0.2
    assert level.min() >= 0
    assert level.max() <= 256
    assert noise.std() > 0.2


def test_the_held_out_part_has_every_class():
    label = torch.arange(500) % 10
    places = held_out(label)
    assert sorted(places["train"] + places["val"]) == list(range(500))
    assert sorted(label[places["val"]].tolist()) == list(range(10))


def test_files_are_cut_to_the_centre_and_resized(tmp_path):
    folder = tmp_path / "train" / "a"
    folder.mkdir(parents=True)
    picture = Image.new("RGB", (90, 30), "red")
    picture.paste((0, 0, 255), (30, 0, 60, 30))
    picture.save(folder / "x.png")
    image = Files(tmp_path / "train", size=16).images(Positions(*torch.zeros(2, 1, 1, dtype=torch.int64)))
    assert image.shape == (1, 1, 3, 16, 16)
    assert image[0, 0, 2].min() == 255
    assert image[0, 0, 0].max() == 0


def test_imagenet_splits_its_validation_images_between_selection_and_test(tmp_path):
    data = ImageNet(root=str(write_folders(tmp_path)), size=16, num_classes=3, num_workers=0)
    train, val, test = (data.source(split) for split in ("train", "val", "test"))
    assert (len(train.label), len(val.label), len(test.label)) == (12, 6, 6)
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
