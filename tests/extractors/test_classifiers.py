import pytest
import torch
from torchvision.models import get_model

from datamodules.embedded.digits import split_digits
from lightning_cgan.batches import ImageSpec, to_signed
from lightning_cgan.extractors.classifiers import PretrainedDigits, PretrainedImageNet
from lightning_cgan.extractors.extractors import DigitsClassifier

DIGITS = ImageSpec(1, 16, 10)


def test_the_digits_teacher_knows_the_test_digits_and_is_not_the_judge():
    teacher, test = PretrainedDigits(DIGITS).eval(), split_digits(16)["test"]
    with torch.no_grad():
        right = teacher(to_signed(test.image)).argmax(1) == test.label
    assert right.double().mean() >= 0.975
    judge = DigitsClassifier().network.state_dict()
    assert not any(torch.equal(value, judge[name]) for name, value in teacher.network.named_parameters())


def test_a_teacher_gives_the_image_a_gradient():
    image = torch.randn(2, 1, 16, 16, requires_grad=True)
    PretrainedDigits(DIGITS).eval()(image).sum().backward()
    assert image.grad.abs().sum() > 0


def test_a_network_of_torchvision_sees_normalised_images_of_its_size(tmp_path):
    torch.manual_seed(0)
    network = get_model("squeezenet1_1").eval()
    torch.save(network.state_dict(), tmp_path / "x.pth")
    teacher = PretrainedImageNet(ImageSpec(3, 128, 1000), str(tmp_path / "x.pth"), "squeezenet1_1", size=64).eval()
    grey = torch.full((1, 3, 128, 128), -0.1)
    mean, std = (torch.tensor(v)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    expected = network((torch.full((1, 3, 64, 64), 0.45) - mean) / std)
    assert torch.allclose(teacher(grey), expected, atol=1e-4)


def test_data_that_a_teacher_does_not_know_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"one channel and 10 classes; got 3 and 10. Set"):
        PretrainedDigits(ImageSpec(3, 32, 10))
    with pytest.raises(ValueError, match=r"1000 classes; got 1 and 10. Set"):
        PretrainedImageNet(DIGITS)
    with pytest.raises(ValueError, match=r"nowhere.pth, missing or another file"):
        PretrainedImageNet(ImageSpec(3, 128, 1000), "nowhere.pth", "squeezenet1_1")
    with pytest.raises(ValueError, match=r"of vgg16 on disk.*Run `lightning-cgan features fetch vgg16 --to weights`"):
        PretrainedImageNet(ImageSpec(3, 128, 1000), "weights/none.pth")
