import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn, tensor
from torch.utils.data import DataLoader

from lightning_cgan.batches import Paired, PairSpec, SourceImages
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.blocks.switches import NormStatistics
from lightning_cgan.networks.patchgan import PatchGAN
from lightning_cgan.networks.unet import UNet
from lightning_cgan.papers.pix2pix import Pix2Pix
from tests.conftest import same

SPEC = PairSpec(2, 3, 16)
REAL = tensor([[0.5, -1], [2, 0]], dtype=torch.float64)
FAKE = tensor([[-0.5, 1], [-2, 0.25]], dtype=torch.float64)


def model(spec=SPEC, norm=Norm.batch, layers=1, **options):
    torch.manual_seed(0)
    networks = {
        "generator": lambda s: UNet(s, width=4, norm=norm),
        "discriminator": lambda c: PatchGAN(c, layers, width=4, norm=norm),
    }
    return Pix2Pix(spec, **networks | options)


def batch(number=0, size=4, side=16):
    draw = torch.Generator().manual_seed(number)
    return Paired(*(torch.rand(1, size, c, side, side, generator=draw) * 2 - 1 for c in (2, 3)))


def train(gan, batches, **options):
    trainer = Trainer(
        accelerator="cpu",
        max_steps=len(batches),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        **options,
    )
    trainer.fit(gan, DataLoader(batches, batch_size=None))
    return trainer


def evaluating(gan):
    gan.trainer = Trainer(logger=False, barebones=True)
    return gan.eval()


@pytest.mark.parametrize(
    ("l1_weight", "conditional", "channels"), [(100.0, True, 5), (100.0, False, 3), (0.0, True, 5), (0.0, False, 3)]
)
def test_the_arms_with_a_discriminator_differ_in_what_it_sees_and_in_the_l1_term(l1_weight, conditional, channels):
    gan, seen = model(l1_weight=l1_weight, conditional=conditional), []
    gan.discriminator.register_forward_hook(lambda net, args, out: seen.append(args[0]))
    (a,), (b,) = batch()
    fake = gan(a)
    _, terms = gan.generator_loss(a, b, fake)
    gan.discriminator_loss(a, b, fake)
    assert [x.shape[1] for x in seen] == [channels] * 3
    assert torch.equal(seen[1][:, -3:], b)
    for x in (seen[0], seen[2]):
        assert torch.equal(x[:, -3:], fake)
    if conditional:
        assert all(torch.equal(x[:, :2], a) for x in seen)
    assert set(terms) == ({"gan", "l1"} if l1_weight else {"gan"})


def test_losses_have_the_values_of_the_test_vectors(monkeypatch):
    gan, maps = model(), iter([REAL, FAKE, FAKE])
    monkeypatch.setattr(gan, "discriminate", lambda a, b: next(maps)[None, None])
    a = tensor([0, 0.5, -0.5, 1], dtype=torch.float64)
    fake = tensor([0.1, 0.25, -0.75, 0.6], dtype=torch.float64)
    assert gan.discriminator_loss(a, a, fake)[0].item() == pytest.approx(0.6684524957401741, abs=1e-9)
    total, terms = gan.generator_loss(a, a, fake)
    assert terms["gan"].item() == pytest.approx(0.9975515256550365, abs=1e-9)
    assert total.item() == pytest.approx(25.997551525655037, abs=1e-9)


def test_the_generator_draws_once_an_update_and_is_judged_by_the_moved_discriminator(monkeypatch):
    gan, made, judged = model(), [], []
    gan.generator.register_forward_hook(lambda net, args, out: made.append(out))
    gan.discriminator.register_forward_hook(lambda net, args, out: judged.append((args[0], out.detach())))
    train(gan, [batch()])
    assert len(made) == 1
    assert len(judged) == 3
    assert torch.equal(judged[1][0], judged[2][0].detach())
    assert not torch.equal(judged[1][1], judged[2][1])
    assert not judged[1][0].requires_grad


def test_the_defaults_are_the_papers():
    with torch.device("meta"):
        gan = Pix2Pix(PairSpec(3, 3, 256))
    assert (gan.l1_weight, gan.gan_weight, gan.conditional) == (100.0, 1.0, True)
    assert sum(parameter.numel() for parameter in gan.generator.parameters()) == 54_413_955
    assert sum(parameter.numel() for parameter in gan.discriminator.parameters()) == 2_768_705
    for factory in gan.optimizer_factories.values():
        settings = factory([nn.Parameter(torch.zeros(1))]).defaults
        assert (settings["lr"], settings["betas"]) == (2e-4, (0.5, 0.999))
    assert gan.schedule(0, 10) == gan.schedule(9, 10) == 1
    assert gan.dropout_at_test
    assert gan.statistics_at_test is NormStatistics.image


@pytest.mark.parametrize("norm", Norm)
def test_an_evaluation_pairs_each_source_with_its_translation_and_its_target(norm):
    gan = evaluating(model(norm=norm))
    (a,), (b,) = batch(size=5)
    before = {name: value.clone() for name, value in gan.state_dict().items()}
    seen = gan.validation_step(Paired(a, b), 3)
    assert torch.equal(seen.real, b)
    assert torch.equal(seen.source, a)
    assert seen.fake.shape == b.shape
    assert torch.equal(seen.fake, gan.validation_step(Paired(a, b), 4).fake)
    assert same(before, dict(gan.state_dict()))


def test_the_generator_drops_by_the_seed_and_the_image_itself():
    (a,), _ = batch()
    drawn, plain = evaluating(model()), evaluating(model(dropout_at_test=False))
    assert torch.equal(drawn.translate(a, seed=1), drawn.translate(a, seed=1))
    assert not torch.equal(drawn.translate(a, seed=1), drawn.translate(a, seed=2))
    assert torch.equal(plain.translate(a, seed=1), plain.translate(a, seed=2))
    assert torch.equal(drawn.translate(a.flip(0)), drawn.translate(a).flip(0))


@pytest.mark.parametrize("statistics", NormStatistics)
def test_calling_the_model_is_translating_in_every_mode_of_it(statistics):
    gan = evaluating(model(statistics_at_test=statistics))
    (a,), (b,) = batch()
    image = gan.translate(a)
    assert torch.equal(gan(a), image)
    assert torch.equal(gan.validation_step(Paired(a, b), 0).fake, image)
    assert torch.equal(gan.train()(a), image)
    assert gan.generator.training


def test_an_image_takes_its_own_statistics_as_in_a_batch_of_one():
    gan = evaluating(model(dropout_at_test=False))
    (a,), _ = batch()
    image = gan.translate(a[:1])
    for layer in gan.generator.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.train()
    assert torch.equal(gan.generator(a[:1]), image)


def test_predictions_are_translations_of_what_was_asked_and_nothing_real():
    gan = evaluating(model())
    (a,), _ = batch()
    seen = gan.predict_step(SourceImages(a, list("abcd")), 0)
    assert seen.real.shape == (0, 3, 16, 16)
    assert seen.fake.shape == (4, 3, 16, 16)
    assert torch.equal(seen.source, a)


def test_a_process_without_images_evaluates_none():
    gan = evaluating(model())
    (a,), (b,) = batch(size=0)
    assert gan.validation_step(Paired(a, b), 0).fake.shape == (0, 3, 16, 16)


@pytest.mark.parametrize("sides", [(16, 32), (20, 24), (5, 16)])
def test_images_of_any_size_come_back_as_large_as_they_came(sides):
    gan = evaluating(model())
    assert gan.translate(torch.rand(2, 2, *sides)).shape == (2, 3, *sides)


def test_it_trains_on_sizes_that_the_generator_must_pad():
    gan = model(PairSpec(2, 3, 20))
    train(gan, [batch(side=20)])
    with pytest.raises(ValueError, match=r"multiples of 16; got 20x20 pixels. Set model.init_args.pad to true"):
        model(PairSpec(2, 3, 20), pad=False)
    strict = evaluating(model(pad=False))
    with pytest.raises(ValueError, match="multiples of 16; got 16x20"):
        strict.translate(torch.rand(1, 2, 16, 20))
    with pytest.raises(ValueError, match="multiples of 16; got 24x24"):
        model(pad=False, tile=24, overlap=0)


def test_large_images_are_translated_by_tiles():
    gan = evaluating(model(tile=16, overlap=8, dropout_at_test=False, statistics_at_test=NormStatistics.running))
    sides = []
    gan.generator.register_forward_hook(lambda net, args, out: sides.append(args[0].shape[2:]))
    small, large = torch.rand(1, 2, 16, 16), torch.rand(1, 2, 40, 16)
    assert torch.equal(gan.translate(small), gan.translate_in_mode(small))
    sides.clear()
    image = gan.translate(large)
    assert image.shape == (1, 3, 40, 16)
    assert sides == [(16, 16)] * 4
    assert torch.allclose(image[..., :8, :], gan.translate_in_mode(large[..., :16, :])[..., :8, :], atol=1e-6)
    with pytest.raises(ValueError, match="got overlap 16 of tile 16"):
        model(tile=16, overlap=16)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((0.0, 0.0), r"not both 0; got 0 and 0\. Set model.init_args.l1_weight"),
        ((-1.0, 1.0), r"l1_weight is 0 or more; got -1\.0\. Set model.init_args.l1_weight"),
        ((1.0, -1.0), r"gan_weight is 0 or more; got -1\.0\. Set model.init_args.gan_weight"),
    ],
)
def test_weights_that_leave_no_loss_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        model(l1_weight=weights[0], gan_weight=weights[1])


def test_images_without_a_whole_patch_are_refused():
    with pytest.raises(
        ValueError, match=r"takes images of 24 pixels and more; got data of 16 pixels. Set model.init_args"
    ):
        model(layers=3)
    model(layers=3, gan_weight=0.0)


def test_super_resolution_data_are_refused():
    with pytest.raises(ValueError, match=r"images of one size; .* 4 times larger .* Set data"):
        model(PairSpec(3, 3, 64, scale=4))


def test_different_images_have_different_dropout():
    paper = Pix2Pix(PairSpec(1, 1, 32), generator=lambda spec: nn.Dropout(0.5), discriminator=PatchGAN)
    images = torch.tensor([0.25, 0.5]).view(2, 1, 1, 1).expand(2, 1, 32, 32)
    dropped = paper.translate(images) == 0
    assert not torch.equal(*dropped)
    assert torch.equal(dropped, paper.translate(images) == 0)
