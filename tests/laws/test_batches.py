"""Every image of a training batch is used: each discriminator update has the images and labels of its own place."""

import pytest
import torch

from lightning_cgan.papers.kinds import ClassConditional, SemiSupervised
from lightning_cgan.papers.supervised_baseline import SupervisedBaseline
from tests.conftest import same
from tests.laws.subjects import CASES, Training, descending, distinct, first_of_each, names, option


def places(name):
    """The discriminator updates in the first update of a case."""
    return len(CASES[name].batches[0][0])


def uses_labels(name):
    kind = CASES[name].model.func
    return issubclass(kind, SemiSupervised) or (
        issubclass(kind, ClassConditional) and option(name, "conditional", True)
    )


SEVERAL = first_of_each(names(lambda name: places(name) > 1))
EACH = first_of_each(CASES)
LABELLED = first_of_each(names(uses_labels))
UNLABELLED = first_of_each(names(lambda name: "label" in CASES[name].batches[0]._fields and not uses_labels(name)))


def batch_of(name):
    """The first batch of a case, with images of little contrast."""
    batch = CASES[name].batches[0]
    return type(batch)(*(part / 20 if part.is_floating_point() else part for part in batch))


def updated(name, batch=None):
    """The first update of a case, whose networks have no bias: the logits are so small that no hinge loss is 0."""
    training = Training(name, watched=True, losses_only=True, double=False, **descending(name, distinct(name)))
    for part, weight in training.paper.named_parameters():
        if part.endswith("bias"):
            torch.nn.init.zeros_(weight)
    training.update(batch_of(name) if batch is None else batch)
    return training


def changed(name, field, place):
    """The same batch with another last image, or with other labels, at ``place`` of the first axes of ``field``."""
    batch = batch_of(name)
    tensor = getattr(batch, field).clone()
    if field == "label":
        tensor[place] = (tensor[place] + 1) % 3
    else:
        tensor[(*place, -1)] = -tensor[(*place, -1)].flip(-1)
    return batch._replace(**{field: tensor})


def losses(training):
    """Of the steps of all roles but the generator's."""
    return [step.loss for step in training.steps if step.role != "generator"]


@pytest.mark.parametrize("name", SEVERAL)
def test_each_discriminator_update_sees_the_batch_of_its_own_place(name):
    usual = losses(updated(name))
    for place in range(places(name)):
        other = losses(
            updated(name, changed(name, "a" if "a" in CASES[name].batches[0]._fields else "image", (place,)))
        )
        assert len(other) == places(name)
        assert [a == b for a, b in zip(usual, other, strict=True)][: place + 1] == [True] * place + [False]


@pytest.mark.parametrize("name", EACH)
def test_every_image_of_a_batch_changes_the_result(name):
    usual = updated(name).state()
    for field in CASES[name].batches[0]._fields:
        halves = [(0, half) for half in (0, 1)] if field == "unlabelled" else [(0,)]
        for place in halves if field != "label" else []:
            unused = field == "unlabelled" and CASES[name].model.func is SupervisedBaseline
            assert same(usual, updated(name, changed(name, field, place)).state()) == unused, (field, place)


@pytest.mark.parametrize("name", LABELLED)
def test_every_label_of_a_batch_changes_the_loss_of_its_discriminator_update(name):
    usual = losses(updated(name))
    for place in range(places(name)):
        other = losses(updated(name, changed(name, "label", (place,))))
        assert [a == b for a, b in zip(usual, other, strict=True)][: place + 1] == [True] * place + [False]


@pytest.mark.parametrize("name", UNLABELLED)
def test_a_paper_without_classes_ignores_labels(name):
    assert same(updated(name).state(), updated(name, changed(name, "label", (0,))).state())
