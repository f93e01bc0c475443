import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.io import read_image

from lightning_cgan import load
from lightning_cgan.batches import EvalBatch, ImageSpec, Labelled, LatentBatch, SourceImages
from lightning_cgan.cli.lightning import main
from lightning_cgan.losses.perceptual import feature_loss, gram_matrix, mean_style_loss, style_loss, total_variation
from lightning_cgan.networks.style import StyleNetwork
from lightning_cgan.papers.style_transfer import StyleTransfer
from lightning_cgan.style_picture import style_picture
from tests.translation import trainer

CONFIG = "experiments/style_transfer/photos.yaml"


class Taps(nn.Module):
    """Two taps that anybody can compute: the image, and its negative at half the size."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, image):
        return self.gain * image, -self.gain * nn.functional.avg_pool2d(image, 2)


def model(**options):
    torch.manual_seed(0)
    options = {"style": "brick", "style_taps": (0, 1), "style_size": 16, "features": Taps, **options}
    return StyleTransfer(ImageSpec(3, 16), generator=lambda spec: StyleNetwork(spec, 2, blocks=1), **options)


@pytest.fixture
def run_style(tmp_path):
    """Runs a command on the tiny photographs experiment."""

    def run_tiny(command, *extra, steps=4, every=2, folder="run"):
        small = ["--model.init_args.generator.init_args={width: 2, blocks: 1}", "--data.init_args.size=16"]
        small += ["--model.init_args.schedule=lightning_cgan.schedules.constant"]
        small += ["--data.init_args.batch_size=2", "--data.init_args.each=1", "--trainer.log_every_n_steps=1"]
        lengths = [f"--trainer.max_steps={steps}", f"--trainer.val_check_interval={every}"]
        to = f"--trainer.default_root_dir={tmp_path / folder}"
        return main([command, f"--config={CONFIG}", *small, *lengths, to, *extra])

    return run_tiny


def test_the_loss_is_equation_5_with_its_weights():
    paper = model(content_weight=2.0, style_weight=3.0, tv_weight=4e-6)
    paper.build_frozen()
    torch.manual_seed(1)
    content, image = torch.rand(2, 2, 3, 16, 16) * 2 - 1
    losses = paper.losses(image, paper.content_features(content))
    taps, wanted, style = Taps()(image), Taps()(content), Taps()(style_picture("brick", 16)[None])
    apart = [style_loss(gram_matrix(a), gram_matrix(b)) for a, b in zip(taps, style, strict=True)]
    assert losses["content"].item() == pytest.approx(2 * feature_loss(taps[1], wanted[1]).item())
    assert losses["style"].item() == pytest.approx(3 * sum(apart).item())
    assert losses["tv"].item() == pytest.approx(4e-6 * 127.5**2 * total_variation(image).item(), rel=1e-5)
    told = paper.loss_of(image, content)
    assert told == {name: pytest.approx(value.item()) for name, value in losses.items()}


def test_the_content_can_be_kept_at_several_taps():
    content, image = torch.rand(2, 1, 3, 16, 16)
    apart = []
    for taps in ((0,), (1,), (0, 1)):
        paper = model(content_taps=taps)
        paper.build_frozen()
        apart.append(paper.loss_of(image, content)["content"])
    assert apart[0] + apart[1] == pytest.approx(apart[2])


def test_the_distance_of_gram_matrices_can_be_that_of_the_code():
    text, code = model(style_taps=(0,)), model(style_taps=(0,), style_distance=mean_style_loss)
    image = torch.rand(1, 3, 16, 16)
    for paper in (text, code):
        paper.build_frozen()
    assert text.loss_of(image, image)["style"] == pytest.approx(9 * code.loss_of(image, image)["style"])


def test_training_moves_the_generator_and_never_the_features(tmp_path):
    paper = model()
    fit = trainer(tmp_path, max_steps=1)
    before = {name: weight.clone() for name, weight in paper.generator.named_parameters()}
    batch = Labelled(torch.rand(1, 2, 3, 16, 16) * 2 - 1, torch.zeros(1, 2, dtype=torch.int64))
    fit.fit(paper, torch.utils.data.DataLoader([batch], batch_size=None))
    moved = {name for name, weight in paper.generator.named_parameters() if not torch.equal(weight, before[name])}
    assert {name for name in before if name.endswith("weight")} <= moved
    (features,) = paper.frozen
    assert features.gain.item() == 1
    assert features.gain.grad is None
    assert not any("gain" in name for name in paper.state_dict())
    assert fit.global_step == 1


def test_the_defaults_are_the_papers():
    paper = StyleTransfer(ImageSpec(3, 256), "brick", Taps, generator=lambda spec: nn.Conv2d(3, 3, 1))
    assert (paper.content_weight, paper.style_weight, paper.tv_weight) == (1.0, 5.0, 1e-6)
    assert (paper.content_taps, paper.style_taps) == ((1,), (0, 1, 2, 3))
    settings = paper.optimizer_factories["generator"]([nn.Parameter(torch.zeros(1))]).defaults
    assert (settings["lr"], settings["betas"], settings["weight_decay"]) == (1e-3, (0.9, 0.999), 0)
    assert {paper.schedule(update, 40_000) for update in (0, 39_999)} == {1.0}


def test_optimisation_lowers_the_same_loss():
    paper = model()
    paper.build_frozen()
    with torch.inference_mode():
        content = torch.rand(1, 3, 16, 16) * 2 - 1
        image, trace = paper.optimise(content, lambda pixels: torch.optim.Adam(pixels, lr=0.05), steps=10)
    assert len(trace) == 11
    assert trace[0] == pytest.approx(sum(paper.loss_of(content, content).values()))
    assert trace[-1] == pytest.approx(sum(paper.loss_of(image, content).values()))
    assert trace[-1] < trace[0]
    assert image.abs().max() <= 1
    _, other = paper.optimise(
        content, lambda pixels: torch.optim.Adam(pixels, lr=0.05), 1, start=torch.zeros(1, 3, 16, 16)
    )
    assert other[0] == pytest.approx(sum(paper.loss_of(torch.zeros(1, 3, 16, 16), content).values()))


def test_pictures_of_any_size_are_repainted_with_each_other_or_alone():
    paper = model().eval()
    image = torch.rand(2, 3, 20, 33) * 2 - 1
    with torch.no_grad():
        repainted = paper(image)
        assert torch.allclose(paper(image[:1]), repainted[:1], atol=1e-5)
    assert repainted.shape == image.shape
    assert repainted.abs().max() <= 1
    trial = EvalBatch(image, torch.zeros(2).long(), LatentBatch(*torch.zeros(2, 1).long()))
    seen = paper.validation_step(trial, 0)
    assert torch.equal(seen.source, image)
    assert torch.equal(seen.fake, repainted)
    assert paper.validation_step(trial._replace(image=image[:0]), 0).fake.shape == (0, 3, 20, 33)
    predicted = paper.predict_step(SourceImages(image, ["a", "b"]), 0)
    assert len(predicted.real) == 0
    assert torch.equal(predicted.fake, repainted)


def test_a_style_is_a_texture_or_a_file(tmp_path):
    Image.new("RGB", (30, 60), (255, 0, 0)).save(tmp_path / "red.png")
    red = style_picture(str(tmp_path / "red.png"), 20)
    assert red.shape == (3, 20, 10)
    assert torch.allclose(red.mean((1, 2)), torch.tensor([1.0, -1.0, -1.0]), atol=1e-5)
    assert style_picture(str(tmp_path / "red.png"), None).shape == (3, 60, 30)
    assert style_picture("gravel", None).shape == (3, 512, 512)


def test_a_style_that_is_none_is_refused(tmp_path):
    (tmp_path / "x.png").write_text("none")
    with pytest.raises(ValueError, match=r"no brik. Set model.init_args.style.\nThe nearest valid name is brick"):
        style_picture("brik", None)
    with pytest.raises(ValueError, match=r"x.png cannot be read as one. Set model.init_args.style"):
        style_picture(str(tmp_path / "x.png"), None)


def test_taps_that_there_are_not_and_negative_weights_are_refused():
    with pytest.raises(ValueError, match=r"0 to 1; got \(0, 2\). Set model.init_args.style_taps"):
        model(style_taps=(0, 2)).build_frozen()
    with pytest.raises(ValueError, match=r"style_weight is 0 or more; got -1.0. Set model.init_args.style_weight"):
        model(style_weight=-1.0)


def test_a_data_set_that_gives_numbers_to_draw_by_is_refused():
    with pytest.raises(ValueError, match=r"transferred to images; got noise only.*predict_from"):
        model().predict_step(LatentBatch(*torch.zeros(2, 1).long()), 0)


def test_it_is_trained_tested_against_optimisation_and_repaints_a_picture(run_style, scores, tmp_path):
    against = "[{class_path: lightning_cgan.callbacks.StyleTransferBenchmark, init_args: {steps: 3}}]"
    assert run_style("fit", f"--trainer.callbacks={against}") == 0
    assert scores()["val"]["scores"].keys() == {"loss", "loss_content", "loss_style", "loss_tv"}
    assert run_style("test", f"--trainer.callbacks={against}") == 0
    measured = scores()["test"]
    assert 0 <= measured["scores"]["steps_to_reach"] <= 3
    assert measured["scores"]["times_faster"] >= 0
    assert measured["card"]["optimisation"]["steps"] == 3
    assert measured["card"]["photographs"] == measured["card"]["fakes"] == 3
    picture = read_image(str(tmp_path / "run" / "samples" / "test.png"))
    assert picture.shape[2] == pytest.approx(picture.shape[1], abs=4)  # three photographs, three columns
    Image.new("RGB", (31, 22), (9, 99, 199)).save(tmp_path / "mine.png")
    assert run_style("predict", f"--data.init_args.predict_from={tmp_path / 'mine.png'}") == 0
    (written,) = (tmp_path / "run" / "predictions").rglob("mine*.png")
    assert read_image(str(written)).shape == (3, 22, 31)
    assert load(tmp_path / "run" / "last.ckpt")(torch.zeros(1, 3, 9, 12)).shape == (1, 3, 9, 12)


def test_features_that_are_not_there_are_refused_before_an_earlier_run_is_touched(run_style, tmp_path, capsys):
    assert run_style("fit") == 0
    vgg = "{class_path: lightning_cgan.extractors.VGGFeatures, init_args: {weights: none/vgg16.pth}}"
    assert run_style("fit", "--fresh", f"--model.init_args.features={vgg}") == 2
    assert "Run `lightning-cgan features fetch vgg16 --to none`" in capsys.readouterr().err
    assert [folder.name for folder in tmp_path.iterdir() if folder.is_dir()] == ["run"]
