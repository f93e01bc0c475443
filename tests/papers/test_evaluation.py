"""What holds for the evaluation of every paper."""

import pytest
import torch
from torch.nn.modules.dropout import _DropoutNd

from lightning_cgan.batches import ImageSpec, PairSpec
from lightning_cgan.callbacks.scores.card import evaluated_with
from lightning_cgan.extractors.digits import ClassifierTraining
from lightning_cgan.extractors.photo_patches import PatchTraining
from lightning_cgan.extractors.poses import PoseTraining
from lightning_cgan.extractors.segmenter import SegmenterTraining
from tests.conftest import same
from tests.papers.evaluated import MAKERS, at, batch, every_paper, made, outputs

BY_BATCHES = "pix2pix by batches"
ALONE = {  # to the bit where each image is translated by itself; other batch sizes take other convolution kernels
    name: 0.0 if name.startswith("pix2pix") else 1e-5 for name in MAKERS if name != BY_BATCHES
}


def disturbed(paper, kind, names):
    """``paper`` with other values in its ``kind``, "parameters" or "buffers", whose names are in ``names``."""
    with torch.no_grad():
        for name, value in getattr(paper, f"named_{kind}")():
            if name in names:
                value.add_(torch.rand(value.shape, generator=torch.Generator().manual_seed(2)))
    return paper


def changed(name, kind, names):
    """The outputs of the paper ``name`` that change with these of its values."""
    paper = made(name)
    before = outputs(paper, batch(paper))
    after = outputs(disturbed(paper, kind, set(names)), batch(paper))
    return {part for part in before if not same(before[part], after[part])}


def test_every_paper_is_here():
    assert {type(make()) for make in MAKERS.values()} == every_paper()


@pytest.mark.parametrize("name", ALONE)
def test_an_image_becomes_the_same_alone_and_among_others_whatever_its_batch_is_called(name):
    paper = made(name)
    five = batch(paper)
    together = outputs(paper, five, 0)
    for place in (0, 3):
        for part, alone in outputs(paper, at(five, [place]), 7).items():
            assert torch.allclose(alone, together[part][[place]], rtol=0, atol=ALONE[name]), part


def test_statistics_of_a_batch_are_there_on_request_and_the_card_has_its_size():
    paper = made(BY_BATCHES)
    five = batch(paper)
    assert not torch.allclose(outputs(paper, at(five, [0]))["fake"], outputs(paper, five)["fake"][:1], atol=1e-2)
    assert evaluated_with(paper)["norm"] == "statistics of each batch of up to 5 images"
    paper.on_validation_start()
    outputs(paper, at(five, [0, 1]))
    assert evaluated_with(paper)["norm"] == "statistics of each batch of up to 2 images"


@pytest.mark.parametrize("name", MAKERS)
def test_the_card_says_which_weights_make_the_images_and_decide(name):
    paper = made(name)
    card, roles = evaluated_with(paper)["weights"], paper.evaluated_networks()
    for role in roles:
        last = [f"{role}.{weight}" for weight, _ in getattr(paper, role).named_parameters()]
        assert bool(changed(name, "parameters", last)) == (card == "raw" or f"raw {role}" in card)
    used = {id(weight) for network in roles.values() for weight in network.parameters()}
    others = [weight for weight, value in paper.named_parameters() if id(value) not in used]
    assert changed(name, "parameters", others) == set()
    assert changed(name, "parameters", [weight for weight, _ in paper.named_parameters()]) == set(
        outputs(paper, batch(paper))
    )


@pytest.mark.parametrize("name", MAKERS)
def test_the_card_says_running_statistics_where_they_are_used(name):
    paper = made(name)
    running = [buffer for buffer, _ in paper.named_buffers() if "running" in buffer]
    assert ("running statistics" in evaluated_with(paper)["norm"]) == bool(changed(name, "buffers", running))


@pytest.mark.parametrize(
    ("name", "norm"),
    [
        ("gan", "running statistics"),
        ("gan without norm", "none"),
        ("progan", "none"),
        ("pix2pix", "statistics of each image"),
        ("pix2pix by tiles", "statistics of each tile"),
        ("pix2pix by running statistics", "running statistics"),
        ("cyclegan", "statistics of each image"),
    ],
)
def test_the_card_says_which_statistics_norm_layers_took(name, norm):
    assert evaluated_with(made(name))["norm"] == norm


@pytest.mark.parametrize(
    ("name", "weights"), [("gan", "raw"), ("progan", "average"), ("sgan", "raw generator, average classifier")]
)
def test_the_card_says_raw_or_average_and_of_which_network(name, weights):
    assert evaluated_with(made(name))["weights"] == weights


@pytest.mark.parametrize(
    "training",
    [
        lambda: ClassifierTraining(ImageSpec(1, 16, 10), 4),
        lambda: PatchTraining(ImageSpec(3, 32, 4), 4),
        lambda: PoseTraining(ImageSpec(1, 64), 4),
        lambda: SegmenterTraining(PairSpec(3, 3, 32), 4, width=4),
    ],
)
def test_the_networks_that_scores_look_through_say_it_too(training):
    assert evaluated_with(training()) == {"weights": "raw", "norm": "running statistics", "dropout": "off"}


def test_of_a_paper_that_does_not_say_the_card_claims_nothing():
    assert set(evaluated_with(torch.nn.Identity()).values()) == {"not declared"}


@pytest.mark.parametrize("name", MAKERS)
def test_the_card_says_dropout_where_it_changes_images(name, monkeypatch):
    paper = made(name)
    dropping = [layer for layer in paper.modules() if isinstance(layer, _DropoutNd)]
    before = outputs(paper, batch(paper))
    for layer in dropping:  # as if everything were dropped
        monkeypatch.setattr(layer, "forward", lambda x, layer=layer: x * 0 if layer.training else x)
    assert (evaluated_with(paper)["dropout"] == "on") == (not same(before, outputs(paper, batch(paper))))
