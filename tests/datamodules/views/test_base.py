"""A view answers as the data that it views, wherever it does not say otherwise."""

import pytest
import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.core.hooks import DataHooks

from datamodules.base import DataModule
from datamodules.embedded.digits import Digits
from datamodules.embedded.facades import Facades
from datamodules.views.base import HOOKS, View
from datamodules.views.semi_supervised import SemiLabelled
from datamodules.views.unpair import UnpairedView
from lightning_cgan.batches import ImageSpec, Labelled, Mixture, Reference, Unpaired
from lightning_cgan.interfaces import FACTS, DataFacts
from lightning_cgan.protocol import Protocol

MIXTURE = Mixture(torch.zeros(1, 2), 1.0, 1.0)
ANSWERS = {
    "spec": ImageSpec(3, 4, 5),
    "training_batch": Unpaired,
    "protocol": Protocol.MIMICRY,
    "class_names": ("one", "two"),
    "palette": torch.zeros(2, 3),
    "labels_in": "b",
    "evaluates_pairs": True,
    "mixture": MIXTURE,
    "mixtures": (MIXTURE, MIXTURE),
}
QUESTIONS = [name for name in (*FACTS, *HOOKS) if name not in ANSWERS]


def answer(name):
    return lambda self, *args: (name, self, args)


class Everything(DataModule):
    """Answers every question with something that is no default."""

    locals().update(ANSWERS | {name: answer(name) for name in QUESTIONS})


@pytest.fixture
def view():
    return View(Everything(1, 1))


@pytest.mark.parametrize("name", ANSWERS)
def test_every_attribute_of_the_interface_is_that_of_the_data(view, name):
    assert getattr(view, name) is ANSWERS[name]
    assert getattr(DataFacts, name, None) is not ANSWERS[name]


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_method_of_the_interface_and_hook_of_lightning_is_that_of_the_data(view, name):
    assert getattr(view, name)(1, 2) == (name, view.data, (1, 2))


def test_every_hook_by_which_lightning_uses_a_data_module_is_handed_on():
    by_lightning = {name for base in (DataHooks, LightningDataModule) for name in vars(base) if name[0] != "_"}
    made_once = {"name", "from_datasets", "load_from_checkpoint"} | {
        name for name in by_lightning if name.isupper()
    }  # constructors and constants of the class
    assert by_lightning - made_once - {"trainer"} == set(HOOKS)


def test_a_view_and_its_data_have_one_trainer(view):
    view.trainer = "trainer"
    assert view.trainer == view.data.trainer == "trainer"


def test_what_a_view_defines_itself_is_its_own():
    class OneClass(View):
        class_names = ("only",)

        def names(self, split):
            return [split]

    view = OneClass(Everything(1, 1))
    assert view.class_names == ("only",)
    assert view.names("val") == ["val"]
    assert view.spec == ANSWERS["spec"]


def test_the_views_of_the_suite_change_what_they_say_and_nothing_else():
    semi, unpaired = SemiLabelled(Digits(), 2), UnpairedView(Facades(size=32, pictures=4))
    changed = {
        semi: {"training_batch"},
        unpaired: {"training_batch", "probe"},
    }
    for view, own in changed.items():
        assert {name for name in FACTS if name in vars(type(view))} == own
    assert semi.training_batch is not semi.data.training_batch is Labelled
    assert unpaired.evaluates_pairs
    assert unpaired.class_names == unpaired.data.class_names != ()
    assert isinstance(Digits().reference("val"), Reference)
