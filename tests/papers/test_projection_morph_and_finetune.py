import pytest
import torch
from torch import nn

from lightning_cgan.batches import ImageSpec, LatentBatch
from lightning_cgan.networks import sngan
from lightning_cgan.papers.projection import ProjectionGAN
from tests.conftest import same

SPEC = ImageSpec(channels=1, size=16, num_classes=10)
CLASSIFIER = "--model.init_args.classifier=lightning_cgan.extractors.PretrainedDigits"


def model(**options):
    torch.manual_seed(0)
    networks = {"generator": lambda s: sngan.Generator(s, 4), "discriminator": lambda s: sngan.Discriminator(s, 4)}
    gan = ProjectionGAN(SPEC, **networks, **options).eval()
    for module in gan.generator.modules():
        if isinstance(module, sngan.ConditionalBatchNorm):
            nn.init.normal_(module.gain.weight)
            nn.init.normal_(module.bias.weight)
    return gan


def test_the_ends_of_a_morph_are_the_two_classes_themselves():
    gan = model()
    path = gan.morph(3, 8, steps=5, count=2, seed=1)
    assert path.shape == (2, 5, 1, 16, 16)
    together = LatentBatch(
        torch.tensor([3, 8] * 5), torch.tensor([0, 1]).repeat_interleave(5)
    )  # one batch of the same size
    alone = gan.generate(together, seed=1)
    assert torch.equal(path[0, 0], alone[0])
    assert torch.equal(path[0, -1], alone[1])
    assert torch.equal(path[1, 0], alone[6])
    assert torch.allclose(path[:, 0], gan.sample(2, label=3, seed=1), atol=1e-5)


def test_a_morph_mixes_gains_and_biases_in_every_conditional_norm():
    gan, seen = model(), []
    norms = [m for m in gan.generator.modules() if isinstance(m, sngan.ConditionalBatchNorm)]
    for norm in norms:
        norm.register_forward_hook(lambda norm, inputs, out: seen.append((norm, inputs[0], out)))
    gan.morph(3, 8, steps=5)
    assert len(seen) == len(norms) == 4
    for norm, x, out in seen:
        gain, bias = (0.75 * table.weight[3] + 0.25 * table.weight[8] for table in (norm.gain, norm.bias))
        expected = norm.norm(x)[1] * gain[:, None, None] + bias[:, None, None]
        assert torch.allclose(out[1], expected, atol=1e-5)


def test_a_morph_between_classes_that_do_not_exist_is_refused():
    with pytest.raises(ValueError, match="got"):
        model().morph(3, 10)


def test_predict_writes_paths_and_a_picture_with_a_row_for_each(run, tmp_path):
    assert run("fit", steps=2, every=2) == 0
    flags = ("--data.init_args.predict_morphs=[[3,8],[1,7]]", "--data.init_args.predict_per_class=2")
    assert run("predict", *flags, "--data.init_args.predict_steps=4") == 0
    folder = tmp_path / "run" / "predictions"
    assert sorted(path.name for path in folder.iterdir()) == [
        *(f"{path:03d}_{step:04d}.png" for path in range(4) for step in range(4)),
        "grid.png",
    ]


@pytest.mark.parametrize("flag", ["predict_morphs=[[3,10]]", "predict_steps=1"])
def test_an_impossible_morph_is_refused_before_anything_runs(run, capsys, flag):
    assert run("predict", "--data.init_args.predict_morphs=[[1,2]]", f"--data.init_args.{flag}") == 2
    assert f"Set data.init_args.{flag.split('=')[0]}" in capsys.readouterr().err


class Scorn(nn.Module):
    """A classifier that finds class 0 in everything, and more of it in brighter images."""

    def __init__(self, spec):
        super().__init__()
        self.weight, self.norm = nn.Parameter(torch.ones(1)), nn.BatchNorm2d(1)

    def forward(self, image):
        assert not self.norm.training
        return torch.cat([10 + self.weight * image.mean((1, 2, 3))[:, None], torch.zeros(len(image), 9)], 1)


def test_the_classifiers_loss_reaches_the_generator_and_leaves_the_classifier_alone():
    gan = model(classifier=Scorn, classifier_weight=2.0)
    gan.build_frozen()

    def loss(weight):
        torch.manual_seed(1)
        gan.classifier_weight = weight
        gan.zero_grad()
        value = gan.generator_loss(8)
        value.backward()
        return value.item(), gan.generator.to_image.weight.grad.clone()

    plain, plain_gradient = loss(0.0)
    full, gradient = loss(2.0)
    half, _ = loss(1.0)
    assert full > plain + 1
    assert full - half == pytest.approx(half - plain, rel=1e-4)
    assert not torch.allclose(gradient, plain_gradient)
    assert all(not p.requires_grad and p.grad is None for p in gan.frozen[0].parameters())


def test_the_classifier_has_no_say_before_its_update():
    gan = model(classifier=Scorn, classifier_start=1)
    plain = model()
    gan.build_frozen()
    values = []
    for paper in (gan, plain):
        torch.manual_seed(1)
        values.append(paper.generator_loss(8).item())
    assert values[0] == values[1]


def test_the_classifier_is_in_no_checkpoint_and_no_optimizer(run, state):
    assert run("fit", steps=1, every=1, folder="plain") == 0
    assert run("fit", CLASSIFIER, steps=1, every=1) == 0
    assert state().keys() == state("plain").keys()
    assert state()["state_dict"].keys() == state("plain")["state_dict"].keys()
    counts = [[len(o["state"]) for o in state(folder)["optimizer_states"]] for folder in ("run", "plain")]
    assert counts[0] == counts[1]
    assert not same(state()["state_dict"], state("plain")["state_dict"])


def test_a_run_starts_from_the_weights_of_another_and_resumes_from_its_own(run, state, tmp_path):
    assert run("fit", steps=2, every=2, folder="first") == 0
    start = f"--model.init_args.init_checkpoint={tmp_path / 'first' / 'last.ckpt'}"
    still = "--model.init_args.generator_optimizer.init_args.lr=0"
    assert run("fit", start, still, steps=1, every=1) == 0
    before, after = state("first")["state_dict"], state()["state_dict"]
    assert torch.equal(before["generator.start.weight"], after["generator.start.weight"])
    (tmp_path / "first" / "last.ckpt").unlink()
    assert run("fit", start, still, steps=2, every=1) == 0
    assert state()["global_step"] == 2


def test_a_start_that_is_missing_or_no_checkpoint_is_refused(run, tmp_path, capsys):
    assert run("fit", "--model.init_args.init_checkpoint=nowhere.ckpt") == 2
    assert "there is no nowhere.ckpt" in capsys.readouterr().err
    torch.save({}, tmp_path / "empty.ckpt")
    assert run("fit", f"--model.init_args.init_checkpoint={tmp_path / 'empty.ckpt'}") == 2
    assert "broken or from elsewhere" in capsys.readouterr().err
