import json

import pytest
import torch

from lightning_cgan.batches import EvalBatch, ImageSpec, LatentBatch
from lightning_cgan.cli.lightning import main
from lightning_cgan.losses.semi_supervised import GeneratorLoss
from lightning_cgan.networks import sgan
from lightning_cgan.papers.sgan import SGAN
from lightning_cgan.papers.supervised_baseline import SupervisedBaseline

SPEC = ImageSpec(channels=1, size=8, num_classes=10)
PIXEL = torch.linspace(-1, 1, 64).view(1, 1, 8, 8)


def model(**options):
    torch.manual_seed(0)
    networks = {"generator": lambda s: sgan.SmallGenerator(s, 4), "classifier": lambda s: sgan.SmallClassifier(s, 4)}
    return SGAN(SPEC, **networks, **options)


def weights(network):
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


@pytest.mark.parametrize("loss", list(GeneratorLoss))
def test_the_generators_loss_sends_gradients_to_the_generator_and_the_classifiers_none(loss):
    gan = model(generator_loss=loss)
    gan.loss_of_generator(PIXEL.repeat(6, 1, 1, 1)).backward()
    assert all(parameter.grad is not None for parameter in gan.generator.parameters())
    gan.zero_grad()
    sum(gan.classifier_losses(PIXEL, torch.tensor([3]), PIXEL.repeat(6, 1, 1, 1))[:2]).backward()
    assert all(parameter.grad is None for parameter in gan.generator.parameters())
    assert all(parameter.grad.any() for parameter in gan.classifier.parameters())


class Sure(torch.nn.Module):
    """Classifies by brightness: class 1 if bright, 0 if dark; both are real. A grey image is generated."""

    def __init__(self, spec):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(100.0))

    def forward(self, image):
        brightness = image.mean((1, 2, 3))
        logits = self.weight * torch.stack([-2 * brightness - 1, 2 * brightness - 1], 1)
        return sgan.DiscriminatorOutput(brightness[:, None], logits)


class Grey(torch.nn.Module):
    latent_dim = 2

    def __init__(self, spec):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(0.0))

    def forward(self, noise):
        return self.weight * torch.ones(len(noise), 1, 8, 8)


def test_a_classifier_that_is_right_has_no_loss_and_the_generator_all_of_it():
    options = {"generator": Grey, "classifier": Sure, "ema_decay": None}
    black, white = -torch.ones(4, 1, 8, 8), torch.ones(4, 1, 8, 8)
    gan = SGAN(SPEC, **options)
    supervised, unsupervised, _ = gan.classifier_losses(white, torch.ones(4, dtype=torch.int64), black)
    assert (supervised.item(), unsupervised.item()) == (0, pytest.approx(0, abs=1e-9))
    assert gan.classifier_losses(black, torch.ones(4, dtype=torch.int64), black)[0].item() == 400
    assert gan.loss_of_generator(white).item() == 1  # features differ by 1
    passing = SGAN(SPEC, generator_loss=GeneratorLoss.non_saturating, **options)
    assert passing.loss_of_generator(white).item() == pytest.approx(100 - 0.6931, abs=1e-3)


class Slope(Grey):
    """Generates one image."""

    def __init__(self, spec, image):
        super().__init__(spec)
        self.image = image

    def forward(self, noise):
        return self.weight + self.image.expand(len(noise), -1, -1, -1)


class Pixels(Sure):
    """Its features are the pixels themselves."""

    def forward(self, image):
        return sgan.DiscriminatorOutput(self.weight / 100 * image.flatten(1), image.flatten(1)[:, :2])


def test_the_generator_matches_the_features_of_the_images_that_it_is_given():
    gan = SGAN(SPEC, generator=Grey, classifier=Pixels, ema_decay=None)
    image = torch.rand(4, 1, 8, 8)
    assert gan.loss_of_generator(image).item() == pytest.approx(image.mean(0).square().mean().item())
    gan.generator = Slope(SPEC, image.mean(0))
    assert gan.loss_of_generator(image).item() == pytest.approx(0, abs=1e-12)
    assert gan.loss_of_generator(image.flip(-1)).item() > 1e-3


def test_evaluation_says_the_true_class_the_models_and_shows_generated_images():
    gan = model(ema_decay=None).eval()
    latents = LatentBatch(torch.zeros(5, dtype=torch.int64), torch.arange(5))
    whole = gan.validation_step(EvalBatch(PIXEL, torch.tensor([3]), latents), 0)
    part = gan.validation_step(
        EvalBatch(PIXEL, torch.tensor([3]), LatentBatch(latents.label[3:], latents.noise_id[3:])), 0
    )
    assert torch.allclose(whole.fake[3:], part.fake, atol=1e-6)
    assert whole.fake.shape == (5, 1, 8, 8)
    assert whole.fake_label is None
    assert (whole.target.tolist(), whole.prediction.tolist()) == ([3], [gan.classify(PIXEL).argmax().item()])
    assert torch.allclose(gan.sample(3, seed=1), gan.sample(5, seed=1)[:3], atol=1e-6)
    assert not torch.allclose(gan.sample(3, seed=1), gan.sample(3, seed=2), atol=1e-2)


def test_the_average_decides():
    gan = model(ema_decay=0.0).eval()
    gan.ema.module.head.weight.data.zero_()
    gan.ema.module.head.bias.data.copy_(torch.arange(10.0))
    assert gan.classify(PIXEL).argmax().item() == 9
    with pytest.raises(ValueError, match=r"ema_decay is 0 or more and below 1, or null for no average; got 1"):
        model(ema_decay=1)


@pytest.mark.parametrize("paper", ["sgan.SGAN", "supervised_baseline.SupervisedBaseline"])
def test_data_whose_labels_are_all_known_are_refused_before_the_first_update(paper, tmp_path, capsys):
    data = json.dumps({"class_path": "datamodules.Digits", "init_args": {"size": 8}})
    folder = f"--trainer.default_root_dir={tmp_path}"
    assert (
        main(["fit", "--model", f"lightning_cgan.papers.{paper}", "--data", data, "--trainer.max_steps=1", folder]) == 2
    )
    said = capsys.readouterr().err
    assert "got Digits, all labelled. Set data.class_path to datamodules.SemiLabelled" in said


@pytest.mark.parametrize("paper", [SGAN, SupervisedBaseline])
def test_data_without_classes_are_refused(paper):
    with pytest.raises(ValueError, match="needs labelled images; this data set has no classes"):
        paper(ImageSpec(1, 28))


def test_labels_that_a_class_does_not_have_are_refused_before_an_earlier_run_is_moved(train, tmp_path, capsys):
    assert train("fit") == 0
    assert train("fit", "--fresh", "--data.init_args.labels_per_class=500") == 2
    assert "gives 500 labels; class 0 has 108 training images" in capsys.readouterr().err
    assert (tmp_path / "run" / "last.ckpt").is_file()


def test_the_defaults_are_the_authors_for_mnist():
    gan = SGAN(ImageSpec(1, 28, 10))
    assert gan.generator_loss is GeneratorLoss.feature_matching
    optimizers = [make(gan.parameters()) for make in gan.optimizer_factories.values()]
    assert [(one.defaults["lr"], one.defaults["betas"]) for one in optimizers] == [(3e-3, (0.5, 0.999))] * 2
    assert gan.generator.latent_dim == 100
