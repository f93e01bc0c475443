"""An evaluation is a function of the weights, the seed and the noise ids, and changes nothing."""

import random
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch.nn.modules.dropout import _DropoutNd

from lightning_cgan.batches import EvalBatch, EvalOutput, ImageSpec, LatentBatch
from lightning_cgan.callbacks.scores.card import evaluated_with
from lightning_cgan.papers.kinds import ClassConditional, Generating, NoiseToImage, SemiSupervised
from tests.conftest import same
from tests.laws.subjects import CASES, Training, first_of_each, names, option

EVALUATED = [
    *dict.fromkeys(
        [
            *first_of_each(CASES),
            *names(lambda name: "_at_test" in " ".join(CASES[name].model.keywords) or option(name, "tile")),
            *names(lambda name: option(name, "ema_decay", 0) is None),
            *("gan-dcgan", "style_transfer-batch norm", "perceptual_super_resolution-histogram"),
        ]
    )
]
BY_BATCHES = "pix2pix-batch statistics"
DRAWN_BY_SEED = names(lambda name: issubclass(CASES[name].model.func, NoiseToImage | ClassConditional))
ALONE = [name for name in EVALUATED if name != BY_BATCHES]


def made(name):
    """The paper of a case in eval mode, with running statistics at random, and biases with which no ReLU is dead."""
    paper = CASES[name].model()
    draw = torch.Generator().manual_seed(0)
    for part, weight in paper.named_parameters():
        if part.endswith("bias"):
            weight.detach().add_(0.5)
    for buffer, value in paper.named_buffers():
        if "running" in buffer:
            noise = torch.rand(value.shape, generator=draw)
            value.copy_(noise / 5 - 0.1 if "mean" in buffer else noise + 0.5)
    return paper.eval()


def batch(paper, count=5):
    """An evaluation batch of ``count`` images of the kind that ``paper`` is evaluated on."""
    draw, spec = torch.Generator().manual_seed(1), paper.spec
    if isinstance(spec, ImageSpec):
        image = torch.rand(count, spec.channels, spec.size, spec.size, generator=draw) * 2 - 1
        label = torch.arange(count) % 3
        return EvalBatch(image, label, LatentBatch(label, torch.arange(count)))
    sides = (spec.channels_a, spec.size // spec.scale), (spec.channels_b, spec.size)
    return paper.training_batch(*(torch.rand(count, c, side, side, generator=draw) * 2 - 1 for c, side in sides))


def at(part, places):
    """The images at ``places`` of an evaluation batch."""
    return type(part)(*(at(field, places) if isinstance(field, LatentBatch) else field[places] for field in part))


@torch.no_grad()
def outputs(paper, part, number=0):
    """What an evaluation makes of the batch ``part``, by name: images, and probabilities of a classifier."""
    seen = paper.validation_step(part, number)
    assert isinstance(seen, EvalOutput)
    made = {"fake": seen.fake, "reconstruction": seen.reconstruction, "reverse": seen.reverse and seen.reverse.fake}
    if isinstance(paper, SemiSupervised):
        made["classes"] = paper.classify(part.image)
    return {name: value.clone() for name, value in made.items() if value is not None and len(value)}


def randomness():
    return [torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()]


@pytest.mark.parametrize("name", ALONE)
def test_an_image_becomes_the_same_alone_and_among_others_whatever_its_batch_is_called(name):
    paper = made(name)
    five = batch(paper)
    together = outputs(paper, five, 0)
    exact = name.startswith("pix2pix")  # each image by itself; other batch sizes take other convolution kernels
    for place in (0, 3):
        for part, alone in outputs(paper, at(five, [place]), 7).items():
            assert torch.allclose(alone, together[part][[place]], rtol=0, atol=0.0 if exact else 1e-5), part


@pytest.mark.parametrize("name", EVALUATED)
def test_an_evaluation_changes_no_weight_buffer_mode_gradient_or_random_state(name):
    paper = made(name)
    paper.train()
    training = [layer.training for layer in paper.modules()]
    paper.eval()
    five = batch(paper)
    before, drawn, given = deepcopy(dict(paper.state_dict())), randomness(), deepcopy(five)
    outputs(paper, five)
    assert same(dict(paper.state_dict()), before)
    assert same(randomness(), drawn)
    assert same(five, given)
    assert not any(layer.training for layer in paper.modules())
    assert all(weight.grad is None for weight in paper.parameters())
    outputs(paper.train(), five)  # as a callback might
    assert [layer.training for layer in paper.modules()] == training


@pytest.mark.parametrize("name", EVALUATED)
def test_an_evaluation_depends_on_no_random_state_and_no_process(name):
    paper, other = made(name), Training(name, double=False, rank=1).paper.eval()
    other.load_state_dict(paper.state_dict())
    torch.manual_seed(3)
    one = outputs(paper, batch(paper))
    torch.manual_seed(4)
    assert same(one, outputs(other, batch(paper)))


@pytest.mark.parametrize("name", EVALUATED)
def test_generated_images_and_dropout_follow_the_seed_of_the_run(name, monkeypatch):
    paper = made(name)
    before = outputs(paper, batch(paper))
    monkeypatch.setenv("PL_GLOBAL_SEED", "1")
    after = outputs(paper, batch(paper))
    drawn = name in DRAWN_BY_SEED or isinstance(paper, Generating) or evaluated_with(paper)["dropout"] == "on"
    assert same(before.get("fake"), after.get("fake")) != drawn
    assert same(before.get("classes"), after.get("classes"))


@pytest.mark.parametrize("name", first_of_each(DRAWN_BY_SEED))
def test_a_generated_image_is_that_of_its_noise_id_and_no_two_are_alike(name):
    paper = made(name)
    part = batch(paper)
    latent = LatentBatch(torch.zeros_like(part.label), torch.tensor([3, 1, 3, 7, 2]))
    images = outputs(paper, EvalBatch(part.image, part.label, latent))["fake"]
    assert torch.allclose(images[0], images[2], atol=1e-6)
    assert len({image.numpy().tobytes() for image in images[1:]}) == 4


def test_statistics_of_a_batch_are_there_on_request_and_the_card_has_its_size():
    paper = made(BY_BATCHES)
    five = batch(paper)
    assert not torch.allclose(outputs(paper, at(five, [0]))["fake"], outputs(paper, five)["fake"][:1], atol=1e-2)
    assert evaluated_with(paper)["norm"] == "statistics of each batch of up to 5 images"
    paper.on_validation_start()
    outputs(paper, at(five, [0, 1]))
    assert evaluated_with(paper)["norm"] == "statistics of each batch of up to 2 images"


def disturbed(name, kind, names):
    """The outputs of a case's paper that change with those of its "parameters" or "buffers" whose names are given."""
    paper = made(name)
    before, draw = outputs(paper, batch(paper)), torch.Generator().manual_seed(2)
    with torch.no_grad():
        for part, value in getattr(paper, f"named_{kind}")():
            if part in names:
                value.add_(torch.rand(value.shape, generator=draw, dtype=value.dtype))
    after = outputs(paper, batch(paper))
    return {part for part in before if not same(before[part], after[part])}


@pytest.mark.parametrize("name", EVALUATED)
def test_the_card_says_which_weights_make_the_images_and_decide(name):
    paper = made(name)
    card, roles = evaluated_with(paper)["weights"], paper.evaluated_networks()
    for role in roles:
        last = [f"{role}.{weight}" for weight, _ in getattr(paper, role).named_parameters()]
        assert bool(disturbed(name, "parameters", last)) == (card == "raw" or f"raw {role}" in card)
    used = {id(weight) for network in roles.values() for weight in network.parameters()}
    others = [weight for weight, value in paper.named_parameters() if id(value) not in used]
    assert disturbed(name, "parameters", others) == set()
    everything = [weight for weight, _ in paper.named_parameters()]
    assert disturbed(name, "parameters", everything) == set(outputs(paper, batch(paper)))


@pytest.mark.parametrize("name", EVALUATED)
def test_the_card_says_running_statistics_where_they_are_used(name):
    paper = made(name)
    running = [buffer for buffer, _ in paper.named_buffers() if "running" in buffer]
    assert ("running statistics" in evaluated_with(paper)["norm"]) == bool(disturbed(name, "buffers", running))


@pytest.mark.parametrize("name", EVALUATED)
def test_the_card_says_dropout_where_it_changes_images(name, monkeypatch):
    paper = made(name)
    dropping = [layer for layer in paper.modules() if isinstance(layer, _DropoutNd)]
    before = outputs(paper, batch(paper))
    for layer in dropping:  # as if everything were dropped
        monkeypatch.setattr(layer, "forward", lambda x, layer=layer: x * 0 if layer.training else x)
    assert (evaluated_with(paper)["dropout"] == "on") == (not same(before, outputs(paper, batch(paper))))


@pytest.mark.parametrize(
    ("name", "card"),
    [
        ("gan-dcgan", {"weights": "raw", "norm": "running statistics"}),
        ("gan-points", {"norm": "none"}),
        ("progan-optimizers", {"weights": "average", "norm": "none"}),
        ("sgan-optimizers", {"weights": "raw generator, average classifier"}),
        ("sgan-no average", {"weights": "raw"}),
        ("pix2pix-image statistics", {"norm": "statistics of each image", "dropout": "off"}),
        ("pix2pix-dropout at test", {"dropout": "on"}),
        ("pix2pix-tiles", {"norm": "statistics of each tile"}),
        ("pix2pix-running statistics", {"norm": "running statistics"}),
        ("cyclegan-pool", {"weights": "raw", "norm": "statistics of each image", "dropout": "off"}),
    ],
)
def test_the_card_has_the_weights_statistics_and_dropout_of_the_paper(name, card):
    assert evaluated_with(made(name)).items() >= card.items()
