import hashlib

import pytest
import torch
from sklearn.datasets import load_digits

from datamodules.core.sources import InMemory
from datamodules.embedded.digits import Digits, split_digits
from lightning_cgan.batches import ImageSpec, Labelled


def test_splits_are_fixed_stratified_and_share_no_image():
    splits = split_digits(8)
    assert {name: len(split.label) for name, split in splits.items()} == {"train": 1097, "val": 200, "test": 500}
    places = [hashlib.sha256(image.numpy().tobytes()).hexdigest() for s in splits.values() for image in s.image]
    assert len(places) == 1797
    for split in splits.values():
        share = torch.bincount(split.label) / len(split.label)
        assert (share - 0.1).abs().max() < 0.01
    assert splits["test"].sha256() == split_digits(8)["test"].sha256()


def test_the_smallest_size_is_as_scanned():
    scanned = {image.tobytes() for image in (load_digits().images * 255 / 16).round().astype("uint8")}
    ours = {image.numpy().tobytes() for split in split_digits(8).values() for image in split.image}
    assert ours == scanned


@pytest.mark.parametrize("size", [8, 16, 32])
def test_images_are_bytes_of_the_asked_size_and_larger_ones_show_the_scan(size):
    image = split_digits(size)["val"].image
    assert image.dtype == torch.uint8
    assert image.shape == (200, 1, size, size)
    small = torch.nn.functional.avg_pool2d(image.float(), size // 8)
    scan = split_digits(8)["val"].image.float()
    assert torch.corrcoef(torch.stack([small.flatten(), scan.flatten()]))[0, 1] > 0.97


def test_the_spec_is_known_before_any_image_is_read():
    data = Digits(size=32)
    assert data.spec == ImageSpec(1, 32, 10)
    assert data.sources == {}


def test_another_size_is_refused():
    with pytest.raises(ValueError, match=r"sizes 8, 16, 32; got 20. Set data.init_args.size"):
        Digits(size=20)


def test_labels_beyond_the_classes_are_refused():
    class Eleven(Digits):
        def load(self, split):
            return InMemory(torch.zeros(11, 1, 16, 16, dtype=torch.uint8), torch.arange(11))

    with pytest.raises(ValueError, match="from 0 to 9; the train images have labels from 0 to 10"):
        Eleven().setup("fit")


def test_images_become_signed_floats_on_the_device_and_only_images():
    batch = Labelled(torch.tensor([[0, 255]], dtype=torch.uint8), torch.tensor([3]))
    moved = Digits().on_after_batch_transfer(batch, 0)
    assert moved.image.tolist() == [[-1, 1]]
    assert moved.label.tolist() == [3]


def test_the_reference_names_its_split_count_and_content():
    reference = Digits().reference("test")
    assert (reference.split, reference.images, len(reference.sha256)) == ("test", 500, 64)
    assert reference.sha256 != Digits().reference("val").sha256
    assert reference.sha256 != Digits(size=32).reference("test").sha256
