import pytest
import torch
from torch import nn, tensor

from lightning_cgan.batches import PairSpec, SourceImages, Unpaired
from lightning_cgan.image_pool import ImagePool
from lightning_cgan.networks.blocks.norms import Norm
from lightning_cgan.networks.patchgan import PatchGAN
from lightning_cgan.networks.resnet_translation import ResNet
from lightning_cgan.papers.cyclegan import CycleGAN
from lightning_cgan.schedules.learning_rate import ConstantThenLinear
from tests.conftest import same
from tests.laws.subjects import Training
from tests.translation import SmallUnpaired, trainer

SPEC = PairSpec(3, 1, 8)


def model(spec=SPEC, **options):
    torch.manual_seed(0)
    return CycleGAN(
        spec,
        generator=lambda s: ResNet(s, width=4, blocks=1),
        discriminator=lambda channels: PatchGAN(channels, layers=1, width=4, norm=Norm.instance),
        **options,
    )


def batch(count=2, spec=SPEC):
    draw = torch.Generator().manual_seed(0)
    return [torch.rand(count, c, 8, 8, generator=draw) * 2 - 1 for c in (spec.channels_a, spec.channels_b)]


def weights(module):
    return {name: [p.detach().clone() for p in net.parameters()] for name, net in module.named_children()}


def trained(folder, updates, module=None, ckpt_path=None, callbacks=()):
    """The module after so many updates of a run of 12, and its checkpoint."""
    module = module or model(pool_size=5)
    runner = trainer(folder, max_steps=updates, limit_val_batches=0, callbacks=[*callbacks])
    module.schedule = lambda update, _: ConstantThenLinear()(update, 12)
    runner.fit(module, SmallUnpaired(size=8, batch_size=2), ckpt_path=ckpt_path)
    path = folder / f"{updates}.ckpt"
    runner.save_checkpoint(path)
    return module, path


class Constants(nn.Module):
    """Answers the images it knows by their values; nothing has a batch norm or a gradient."""

    def __init__(self, **answers):
        super().__init__()
        self.answers = [tuple(map(as_image, pair)) for pair in answers.values()]

    def forward(self, image):
        return next(answer for asked, answer in self.answers if torch.equal(asked, image))


def as_image(numbers):
    return tensor(numbers, dtype=torch.float32).view(1, 1, -1, 2)


def test_the_generators_loss_is_that_of_the_test_vector():
    a, b = [0, 0.5, -0.5, 1], [0.2, -0.2, 0.4, -0.4]
    fake_a, fake_b = [0.11, 0, 0, 0], [0.22, 0, 0, 0]
    back_a, back_b = [0.1, 0.25, -0.75, 0.6], [0, -0.1, 0.5, -0.8]
    gan = model(PairSpec(1, 1, 8), identity_weight=0.5)
    networks = {
        "generator_ab": Constants(real=(a, fake_b), back=(fake_a, back_b), same=(b, [0.3, -0.2, 0.2, -0.4])),
        "generator_ba": Constants(real=(b, fake_a), back=(fake_b, back_a), same=(a, [0, 0.4, -0.5, 0.8])),
        "discriminator_b": Constants(fake=(fake_b, [0.2, 0.6])),
        "discriminator_a": Constants(fake=(fake_a, [-0.1, 0.4])),
    }
    for name, network in networks.items():
        setattr(gan, name, network)
    images = [as_image(numbers) for numbers in (a, b)]
    fakes = gan.to_a(images[1]), gan.to_b(images[0])
    assert gan.adversarial_loss(*fakes).item() == pytest.approx(0.4 + 0.785)
    loss, terms = gan.consistency_loss(*images, *fakes)
    assert loss.item() == pytest.approx(2.5 + 2.0 + 0.375 + 0.375)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {"cycle_a": 0.25, "cycle_b": 0.2, "identity_a": 0.075, "identity_b": 0.075}
    )


def test_the_loss_of_a_discriminator_is_halved_once():
    gan, real, fake = model(), as_image([1, 1]), as_image([0, 0])
    network = Constants(real=([1, 1], [0.5, 2]), fake=([0, 0], [1, 3]))
    loss, _ = gan.discriminator_loss(network, real, fake)
    assert loss.item() == pytest.approx((0.25 + 1) / 4 + (1 + 9) / 4)


def test_a_pool_is_asked_with_the_number_of_the_update():
    training, seen, shown = Training("cyclegan-pool", double=False), [], []
    gan, pool = training.paper, ImagePool(1, "a")
    gan.generator_ba.register_forward_hook(lambda net, inputs, image: seen.append(image.detach()))
    gan.discriminator_a.register_forward_hook(lambda net, inputs, output: shown.append(inputs[0].detach()))
    for update in range(8):
        seen.clear(), shown.clear()
        training.update()
        assert torch.equal(shown[-1], pool.query(seen[0], update))
    assert same(gan.pools["a"].images, pool.images)


def test_discriminators_see_what_was_made_before_the_generators_moved(monkeypatch, tmp_path):
    made, shown = [], []
    gan = model(pool_size=0)
    translate, loss = gan.to_b, gan.discriminator_loss
    monkeypatch.setattr(gan, "to_b", lambda image: made.append(translate(image)) or made[-1])
    monkeypatch.setattr(gan, "discriminator_loss", lambda *told: shown.append(told) or loss(*told))
    trained(tmp_path, 1, gan)
    seen = next(fake for network, _, fake in shown if network is gan.discriminator_b)
    assert torch.equal(seen, made[0])
    assert not seen.requires_grad


def test_each_domain_has_its_pool(tmp_path):
    gan, _ = trained(tmp_path, 4)
    assert [len(gan.pools[domain].images) for domain in "ab"] == [5, 5]
    assert [gan.pools[domain].images[0].shape[0] for domain in "ab"] == [3, 1]


def gradients(gan, a, b):
    """Of the generators' loss, by generator; None of one that has none."""
    fakes = gan.to_a(b), gan.to_b(a)
    loss = gan.adversarial_loss(*fakes) + gan.consistency_loss(a, b, *fakes)[0]
    parameters = {name: list(net.parameters()) for name, net in gan.evaluated_networks().items()}
    return {name: torch.autograd.grad(loss, own, retain_graph=True) for name, own in parameters.items()}


def test_without_cycles_each_generator_learns_in_its_own_direction_alone():
    (a, b), gan = batch(), model(cycle_weight_a=0.0, cycle_weight_b=0.0)
    before = gradients(gan, a, b)
    after = gradients(gan, a, b.flip(-1) / 2)
    assert same(before["generator_ab"], after["generator_ab"])
    assert not same(before["generator_ba"], after["generator_ba"])


@pytest.mark.parametrize("cycled", ["a", "b"])
def test_each_cycle_joins_the_generators_through_its_own_domain(cycled):
    gan = model(**{f"cycle_weight_{'b' if cycled == 'a' else 'a'}": 0.0})
    a, b = batch()
    fakes = gan.to_a(b), gan.to_b(a)
    loss, _ = gan.consistency_loss(a, b, *fakes)
    through = dict(zip("ab", torch.autograd.grad(loss, (fakes[1], fakes[0]), allow_unused=True), strict=True))
    assert through[cycled].abs().sum() > 0
    assert through["b" if cycled == "a" else "a"] is None


def test_an_evaluation_shows_both_directions_and_both_cycles():
    gan, (a, b) = model().eval(), batch()
    seen = gan.validation_step(Unpaired(a, b), 0)
    assert torch.equal(seen.fake, gan(a))
    assert torch.equal(seen.reconstruction, gan.to_a(seen.fake))
    assert torch.equal(seen.reverse.reconstruction, gan.to_b(seen.reverse.fake))
    assert same([seen.real, seen.source, seen.reverse.real, seen.reverse.source], [b, a, a, b])
    assert seen.reverse.fake.shape == seen.reverse.real.shape == a.shape


def test_an_evaluation_may_have_images_of_one_domain_alone():
    gan, (a, b) = model().eval(), batch()
    seen = gan.validation_step(Unpaired(a, b[:0]), 0)
    assert len(seen.fake) == len(seen.reconstruction) == 2
    assert len(seen.real) == len(seen.reverse.fake) == 0


def test_predictions_are_translations_to_b():
    gan, (a, _) = model().eval(), batch()
    seen = gan.predict_step(SourceImages(a, ["0", "1"]), 0)
    assert torch.equal(seen.fake, gan(a))
    assert torch.equal(seen.source, a)
    assert seen.real.shape == (0, 1, 8, 8)


@pytest.mark.parametrize(("trained_on", "asked"), [(False, True), (True, False), (True, True)])
def test_a_checkpoint_translates_the_other_way_when_the_data_are_turned(trained_on, asked):
    spec = PairSpec(3, 3, 8)
    gan, again = (model(spec._replace(reversed=turned)).eval() for turned in (trained_on, asked))
    # what else a configuration may say is no direction
    checkpoint = {"hyper_parameters": {"data": {"init_args": {"name": "b_to_a"}}}, "state_dict": gan.state_dict()}
    gan.on_save_checkpoint(checkpoint)
    again.on_load_checkpoint(checkpoint)
    again.load_state_dict(checkpoint["state_dict"])
    image = torch.rand(2, 3, 8, 8)
    assert torch.equal(again.translate(image), gan.translate(image, reverse=trained_on != asked))
    assert torch.equal(again.translate(image, reverse=True), gan.translate(image, reverse=trained_on == asked))
    same_domain = gan.discriminator_a if trained_on == asked else gan.discriminator_b
    assert torch.equal(again.discriminator_a(image), same_domain(image))


def test_images_of_any_size_are_translated_there_and_back():
    gan = model(PairSpec(3, 3, 10)).eval()
    image = torch.rand(1, 3, 17, 10)
    assert gan.translate(gan.translate(image), reverse=True).shape == image.shape
    wider = torch.cat([image[..., [1]], image, image[..., [-2]]], 3)
    assert torch.equal(gan.translate(image[..., :16, :]), gan.translate(wider[..., :16, :])[..., 1:-1])


def test_the_defaults_are_the_papers():
    with torch.device("meta"):
        gan = CycleGAN(PairSpec(3, 3, 256))
    counts = [sum(p.numel() for p in network.parameters()) for network in gan.children()]
    assert counts == [11_378_179, 11_378_179, 2_764_737, 2_764_737]
    assert (gan.cycle_weight_a, gan.cycle_weight_b, gan.identity_weight) == (10, 10, 0)
    assert [pool.size for pool in gan.pools.values()] == [50, 50]
    for optimizer in gan.optimizer_factories.values():
        settings = optimizer([nn.Parameter(torch.zeros(1))]).defaults
        assert (settings["lr"], settings["betas"]) == (2e-4, (0.5, 0.999))


def test_the_rate_is_constant_for_half_of_the_run_and_falls_to_its_last_step():
    rates = [model().schedule(update, 8) for update in range(9)]
    assert rates == [1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0]  # update 8 is not taken: they are numbered from 0
