import pytest
import torch
from lightning.pytorch import LightningModule
from torchvision.io import read_image

from datamodules.embedded.photo_crops import PhotoCrops
from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.scores.style_transfer import StyleTransferBenchmark
from lightning_cgan.optimize import optimise_pixels
from lightning_cgan.runs.metrics_json import read_results
from tests.translation import trainer


class Darker(LightningModule):
    """Its pass takes a picture ``share`` of the way to black; the loss is its distance from it."""

    def __init__(self, share):
        super().__init__()
        self.share = share
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, image):
        return torch.lerp(image, -torch.ones_like(image), self.share)

    def loss_of(self, image, content):
        return {"content": 0.0, "style": (image + 1).square().mean().item(), "tv": 0.0}

    def optimise(self, content, optimizer, steps, start):
        return optimise_pixels(start, lambda image: (image + 1).square().mean(), optimizer, steps)

    def test_step(self, batch, batch_idx):
        return EvalOutput(batch.image, self(batch.image), source=batch.image)


def measured(share, folder, steps=6, batch=4, **options):
    watched = StyleTransferBenchmark(steps, **options)
    run = trainer(folder, callbacks=[watched])
    run.test(Darker(share), datamodule=PhotoCrops(size=16, each=2, evaluation_batch_size=batch), verbose=False)
    return read_results(folder)["test"]


def test_the_steps_are_counted_until_the_loss_of_the_pass(tmp_path):
    nothing, something, much = (measured(share, tmp_path / str(share))["scores"] for share in (0.0, 0.05, 0.2))
    assert nothing["steps_to_reach_from_content"] == 0
    assert 0 < something["steps_to_reach_from_content"] < much["steps_to_reach_from_content"] <= 6
    assert much["loss"] < something["loss"] < nothing["loss"]
    assert much["times_faster_from_content"] > 0


def test_from_noise_it_takes_more_steps_than_from_a_content_that_is_near(tmp_path):
    scores = measured(0.05, tmp_path, steps=40)["scores"]
    assert scores["steps_to_reach"] > scores["steps_to_reach_from_content"]
    assert scores["loss_optimised"] < scores["loss"]


def test_a_picture_is_optimised_from_noise_of_its_own_whatever_its_batch(tmp_path):
    one, four = (measured(0.05, tmp_path / str(size), batch=size)["scores"] for size in (1, 4))
    for name in ("loss", "loss_optimised", "steps_to_reach"):
        assert one[name] == pytest.approx(four[name], rel=1e-5)


def test_a_loss_that_optimisation_does_not_reach_is_said(tmp_path):
    entry = measured(1.0, tmp_path)
    assert entry["scores"]["steps_to_reach"] == 6
    assert entry["notes"] == [
        f"steps_to_reach{start}: 6 steps do not reach the loss of one pass for 6 pictures."
        for start in ("", "_from_content")
    ]
    assert not any(name.startswith("unreached") for name in {**entry["scores"], **entry["standard_errors"]})
    rates = {"learning_rate": 0.1, "learning_rate_from_content": 0.04}
    assert entry["card"]["optimisation"] == {"optimizer": "Adam", "steps": 6, **rates}


def test_standard_errors_are_those_of_photographs(tmp_path):
    entry = measured(0.0, tmp_path)
    data = PhotoCrops(size=16, each=2)
    image = data.reference_images("test").at(torch.arange(6)).float() / 127.5
    loss = image.square().mean((1, 2, 3)).view(2, 3).mean(0)
    assert entry["scores"]["loss"] == pytest.approx(loss.mean().item(), rel=1e-5)
    assert entry["standard_errors"]["loss"] == pytest.approx((loss.std() / 3**0.5).item(), rel=1e-4)
    assert entry["card"]["photographs"] == 3


def test_the_picture_has_three_columns(tmp_path):
    measured(0.05, tmp_path)
    picture = read_image(str(tmp_path / "samples" / "test.png"))
    assert picture.shape == (3, 6 * 50 + 2, 3 * 50 + 2)


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match=r"at least 1; got 0. Set its init_args.steps"):
        StyleTransferBenchmark(steps=0)
