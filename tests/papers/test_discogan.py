from functools import partial

import pytest
import torch
from torch.nn.functional import mse_loss

from datamodules.embedded.gaussians import GaussianPairs
from lightning_cgan.batches import PairSpec, SourceImages, Unpaired
from lightning_cgan.losses.reconstruction import Distance
from lightning_cgan.networks import discogan as networks
from lightning_cgan.optimize import Adam, optimizer_step
from lightning_cgan.papers.discogan import DiscoGAN, Relation
from tests.conftest import same
from tests.translation import trainer

SPEC = PairSpec(1, 3, 8)


def model(relation=Relation.discogan, spec=SPEC, **options):
    torch.manual_seed(0)
    small = {
        "generator": partial(networks.Generator, width=4),
        "discriminator": partial(networks.Discriminator, width=4),
    }
    return DiscoGAN(spec, **(small | {"relation": relation} | options))


def points(relation=Relation.discogan, **options):
    torch.manual_seed(0)
    optimizer = {f"{name}_optimizer": lambda p: Adam(p, lr=1e-3) for name in ("generator", "discriminator")}
    return DiscoGAN(
        PairSpec(2, 2, 1),
        partial(networks.PointGenerator, width=8),
        partial(networks.PointDiscriminator, width=8),
        relation,
        **(optimizer | options),
    )


def train(module, folder, updates=4, **options):
    data = GaussianPairs(points=40, batch_size=10)
    fitting = trainer(folder, max_steps=updates, limit_val_batches=0, log_every_n_steps=1, **options)
    fitting.fit(module, data)
    return fitting


def images(count=3):
    draw = torch.Generator().manual_seed(1)
    a, b = (torch.rand(count, channels, 8, 8, generator=draw) * 2 - 1 for channels in (1, 3))
    return a, b


def weights(network):
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def both(module):
    """The weights of the generators, and of the discriminators."""
    return [list(map(weights, networks)) for networks in module.networks().values()]


def moved(monkeypatch, tmp_path, module, updates):
    steps = []

    def watch(module, optimizer, loss, count=False):
        before = both(module)
        optimizer_step(module, optimizer, loss, count)
        after = both(module)
        steps.append("".join(name for name, b, a in zip("GD", before, after, strict=True) if not same(b, a)))

    monkeypatch.setattr("lightning_cgan.papers.discogan.optimizer_step", watch)
    assert train(module, tmp_path, updates).global_step == updates
    return steps


def test_the_defaults_are_the_papers():
    with torch.device("meta"):
        gan = DiscoGAN(PairSpec(3, 3, 64))
    for make in gan.optimizer_factories.values():
        optimizer = make([torch.nn.Parameter(torch.zeros(1))])
        assert (optimizer.defaults["lr"], optimizer.defaults["betas"]) == (2e-4, (0.5, 0.999))
        assert optimizer.defaults["weight_decay"] == 1e-4
    assert sum(parameter.numel() for parameter in gan.parameters()) == 2 * (5_513_856 + 2_765_568)
    assert (gan.relation, gan.reconstruction, gan.rate_at(0)) == (Relation.discogan, Distance.mse, None)
    assert (gan.feature_matching, gan.generator_updates, gan.n_critic) == (0, 1, 1)


def test_the_generators_lower_four_losses_of_weight_one():
    gan = model().eval()
    gan.trainer = trainer(".")
    a, b = images()
    ab, ba = gan.to_b(a), gan.to_a(b)
    judged = (gan.discriminator_b, ab), (gan.discriminator_a, ba)
    fooled = [-torch.sigmoid(network(fake).logits).log().mean() for network, fake in judged]
    found = [mse_loss(gan.to_a(ab), a) / 4, mse_loss(gan.to_b(ba), b) / 4]
    assert gan.generator_loss(gan.directions(a, b))[0].item() == pytest.approx(sum(fooled + found).item(), rel=1e-5)


def test_the_discriminators_lower_the_loss_of_both_domains():
    gan = model().eval()
    a, b = images()
    each = [
        -torch.sigmoid(network(real).logits).log().mean() - (1 - torch.sigmoid(network(fake).logits)).log().mean()
        for network, real, fake in ((gan.discriminator_b, b, gan.to_b(a)), (gan.discriminator_a, a, gan.to_a(b)))
    ]
    assert gan.discriminator_loss(gan.directions(a, b))[0].item() == pytest.approx(sum(each).item(), rel=1e-5)


def test_the_way_there_and_back_of_each_domain_trains_both_generators():
    gan = model()
    for way in gan.directions(*images()):
        loss = gan.reconstruction(way.reconstruction, way.source)
        for generator in gan.networks()["generator"]:
            found = torch.autograd.grad(loss, [*generator.parameters()], retain_graph=True, allow_unused=True)
            assert any(gradient is not None and gradient.any() for gradient in found)


def test_the_ablations_leave_out_a_direction_and_the_way_back():
    a, b = images()
    expected = {Relation.gan: (1, 1), Relation.reconstruction: (2, 1)}
    for relation, counts in expected.items():
        gan = model(relation)
        assert tuple(map(len, gan.networks().values())) == counts
        trained = {
            id(weight) for networks in gan.networks().values() for one in networks for weight in one.parameters()
        }
        assert trained == {id(weight) for weight in gan.parameters()}
        (way,) = gan.directions(a, b)
        assert (way.reconstruction is None) == (relation is Relation.gan)
        with pytest.raises(ValueError, match=rf"relation is {relation.name}. Set model.init_args.relation"):
            gan.translate(b, reverse=True)


def test_feature_matching_and_the_rate_share_the_loss_out_as_the_code_does():
    gan = model(feature_matching=0.9, rate=0.5, starting_rate=0.01, curriculum=5, spec=PairSpec(1, 3, 16)).eval()
    gan.trainer = trainer(".")
    a, b = torch.rand(3, 1, 16, 16), torch.rand(3, 3, 16, 16)
    ways = gan.directions(a, b)
    features = []
    for way in ways:
        real, fake = (way.discriminator(image).features for image in (way.real, way.fake))
        features += [((f.mean(0) - r.mean(0)) ** 2).mean() for r, f in zip(real, fake, strict=True)]
    alone = model(spec=PairSpec(1, 3, 16)).eval()
    alone.trainer = gan.trainer
    parts = alone.generator_loss(ways)[1]
    adversarial = 0.1 * parts["adversarial"] + 0.9 * sum(features)
    expected = 0.99 * adversarial + 0.01 * parts["reconstruction"]
    assert gan.generator_loss(ways)[0].item() == pytest.approx(expected.item(), rel=1e-5)
    assert [gan.rate_at(update) for update in (0, 4, 5, 100)] == [0.01, 0.01, 0.5, 0.5]


def test_an_evaluation_shows_both_directions_there_and_back():
    gan = model().eval()
    (a, _), (_, b) = images(3), images(2)
    seen = gan.validation_step(Unpaired(a, b[:2]), 0)
    assert torch.equal(seen.fake, gan.to_b(a))
    assert torch.equal(seen.reconstruction, gan.to_a(seen.fake))
    assert (len(seen.real), len(seen.reverse.fake)) == (2, 2)
    assert torch.equal(seen.reverse.source, b[:2])
    assert torch.equal(seen.reverse.fake, gan.translate(b[:2], reverse=True))
    assert torch.equal(seen.reverse.reconstruction, gan.to_b(seen.reverse.fake))
    assert model(Relation.gan).eval().validation_step(Unpaired(a, b), 0)[-2:] == (None, None)


def test_a_batch_may_hold_images_of_one_domain_alone():
    a, b = images(2)
    seen = model().eval().validation_step(Unpaired(a, b[:0]), 0)
    assert (len(seen.fake), len(seen.reverse.fake)) == (2, 0)


def test_pictures_of_any_size_are_translated():
    source = torch.rand(1, 1, 13, 21)
    seen = model().eval().predict_step(SourceImages(source, ["one"]), 0)
    assert seen.fake.shape == (1, 3, 13, 21)
    assert (seen.real.shape, seen.source.shape) == ((0, 3, 13, 21), source.shape)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rate": 1.5}, "rate is a share, from 0 to 1; got 1.5. Set model.init_args.rate"),
        ({"curriculum": 3, "rate": 0.5}, "got None and 0.5. Set model.init_args.starting_rate"),
        ({"generator_updates": 0}, "at least 1; got 0. Set model.init_args.generator_updates"),
        ({"feature_matching": 0.9}, "got one with 0 matched layers. Set model.init_args.discriminator"),
    ],
)
def test_what_cannot_be_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        model(**options)
