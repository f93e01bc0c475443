import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, mse_loss

from lightning_cgan.batches import Paired, PairSpec, SourceImages, to_bytes
from lightning_cgan.networks.perceptual_super_resolution import SuperResolutionNetwork, with_histograms
from lightning_cgan.papers.perceptual_super_resolution import PerceptualSuperResolution
from tests.translation import trainer

SPEC = PairSpec(3, 3, 16, 4)


class Taps(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, image):
        return image, self.gain * avg_pool2d(image, 2)


def model(**options):
    torch.manual_seed(0)
    return PerceptualSuperResolution(SPEC, generator=lambda spec: SuperResolutionNetwork(spec, 2, 1), **options)


def test_the_loss_is_that_of_one_tap_or_of_pixels():
    fake, real = torch.rand(2, 2, 3, 16, 16)
    feature, pixel = model(features=Taps), model()
    for paper in (feature, pixel):
        paper.build_frozen()
    assert feature.loss(fake, real).item() == pytest.approx(mse_loss(avg_pool2d(fake, 2), avg_pool2d(real, 2)).item())
    assert pixel.loss(fake, real).item() == pytest.approx(mse_loss(fake, real).item())


@pytest.mark.parametrize("features", [Taps, None])
def test_training_moves_the_generator_alone(features, tmp_path):
    paper = model(features=features)
    before = {name: weight.clone() for name, weight in paper.generator.named_parameters()}
    batch = Paired(torch.rand(1, 2, 3, 4, 4) * 2 - 1, torch.rand(1, 2, 3, 16, 16) * 2 - 1)
    fit = trainer(tmp_path, max_steps=1)
    fit.fit(paper, torch.utils.data.DataLoader([batch], batch_size=None))
    assert fit.global_step == 1
    assert not torch.equal(paper.generator.layers[0].weight, before["layers.0.weight"])
    assert not any("gain" in name for name in paper.state_dict())
    assert all(judge.gain.grad is None for judge in paper.frozen)


def test_the_network_enlarges_pictures_of_any_shape():
    paper = model().eval()
    with torch.no_grad():
        seen = paper.predict_step(SourceImages(torch.rand(1, 3, 5, 7), ["x"]), 0)
    assert seen.fake.shape == (1, 3, 20, 28)
    assert len(seen.real) == 0


def test_a_result_has_the_histogram_of_its_low_resolution():
    torch.manual_seed(0)
    low = torch.rand(2, 3, 8, 8) * 2 - 1
    bright = interpolate(low, scale_factor=4, mode="bicubic") / 2 + 0.4
    matched = with_histograms(bright, low)
    for k in range(2):
        for channel in range(3):
            one, other = (to_bytes(image[k, channel]).float().flatten() for image in (matched, low))
            shares = torch.tensor([0.1, 0.5, 0.9])
            assert torch.allclose(one.quantile(shares), other.quantile(shares), atol=12)
    assert with_histograms(bright[:0], low[:0]).shape == (0, 3, 32, 32)
    plain = model(match_histogram=False).eval()
    batch = Paired(low, bright)
    assert not torch.equal(plain.validation_step(batch, 0).fake, model().eval().validation_step(batch, 0).fake)


def test_the_defaults_are_the_papers():
    paper = PerceptualSuperResolution(PairSpec(3, 3, 288, 4))
    assert paper.match_histogram
    assert paper.optimizer_factories["generator"]([nn.Parameter(torch.zeros(1))]).defaults["lr"] == 1e-3


def test_a_tap_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"2 taps, 0 to 1; got 2. Set model.init_args.tap"):
        model(features=Taps, tap=2).build_frozen()
