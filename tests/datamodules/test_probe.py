import torch

from datamodules.core.sources import InMemory
from datamodules.embedded.digits import Digits
from datamodules.embedded.gaussians import Ring
from datamodules.views.semi_supervised import SemiLabelled
from lightning_cgan.batches import ImageSpec
from tests.conftest import same


def whole(parts):
    return [torch.cat([getattr(part, name) for part in parts]) for name in ("image", "label")], [
        torch.cat([getattr(part.latent, name) for part in parts]) for name in ("label", "noise_id")
    ]


def test_a_probe_holds_ten_validation_images_and_ten_draws_of_each_digit_and_never_changes():
    data = Digits()
    (image, label), (asked, key) = whole(data.probe())
    assert image.dtype == torch.uint8
    assert torch.bincount(label).tolist() == torch.bincount(asked).tolist() == [10] * 10
    assert key.tolist() == list(range(100))
    known = {bytes(picture) for picture in data.source("val").image.numpy()}
    assert {bytes(picture) for picture in image.numpy()} <= known
    assert same(data.probe(), Digits(batch_size=7).probe())


def test_no_part_is_larger_than_an_evaluation_batch_and_together_they_are_the_same_probe():
    parts = Digits(evaluation_batch_size=13).probe()
    assert max(len(part.latent.noise_id) for part in parts) <= 13
    assert same(whole(parts), whole(Digits().probe()))


class Many(Digits):
    """A thousand classes, of which some have few validation images."""

    def __init__(self):
        super().__init__()
        self.spec = ImageSpec(1, 4, 1000)

    def load(self, split):
        label = torch.cat([torch.arange(1000), torch.arange(0, 1000, 2).repeat(20)])
        return InMemory(torch.zeros(len(label), 1, 4, 4, dtype=torch.uint8), label)


def test_of_many_classes_some_are_probed_and_rare_ones_with_what_there_is():
    (_, label), (asked, _) = whole(Many().probe())
    assert torch.bincount(asked, minlength=1000).unique().tolist() == [0, 10]
    assert len(asked.unique()) == 20
    assert (asked.min(), asked.max()) == (0, 999)
    assert torch.bincount(label)[0] == 10
    assert torch.bincount(label)[999] == 1


def test_data_without_classes_have_a_probe_of_a_hundred_images():
    data = Digits()
    data.sources["val"] = InMemory(data.source("val").image, torch.zeros(200, dtype=torch.int64))
    data.spec = data.spec._replace(num_classes=0)
    (image, label), (asked, key) = whole(data.probe())
    assert (len(image), len(key)) == (100, 100)
    assert not label.any() | asked.any()


def test_points_and_views_with_few_labels_have_the_probe_of_their_set():
    assert whole(Ring().probe())[0][0].shape == (96, 2, 1, 1)
    assert same(SemiLabelled(Digits(), 2).probe(), Digits().probe())
