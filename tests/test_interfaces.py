"""What may be asked of data: every member has a default, and a data module of one's own needs only ``spec``."""

import pytest
import torch
from lightning.pytorch import LightningDataModule, Trainer
from torch.utils.data import DataLoader

from datamodules.embedded.digits import Digits
from lightning_cgan.batches import EvalBatch, ImageSpec, Labelled, LatentBatch, Reference
from lightning_cgan.callbacks.health import Health
from lightning_cgan.callbacks.scores.card import card
from lightning_cgan.errors import UserError
from lightning_cgan.interfaces import DataFacts, data_facts, spec_of
from lightning_cgan.papers.gan import GAN
from lightning_cgan.protocol import Protocol

IMAGE = torch.zeros(1, 4, 1, 16, 16)
LABEL = torch.arange(4)[None]


class Own(LightningDataModule):
    """As little as a data module can say."""

    spec = ImageSpec(1, 16, 10)

    def train_dataloader(self):
        return DataLoader([Labelled(IMAGE, LABEL)], batch_size=None)

    def val_dataloader(self):
        latents = LatentBatch(LABEL[0], torch.arange(4))
        return DataLoader([EvalBatch(IMAGE[0], LABEL[0], latents)], batch_size=None)


def test_a_data_module_with_a_spec_and_loaders_trains_and_all_else_has_defaults(tmp_path):
    trainer = Trainer(max_steps=2, logger=False, enable_checkpointing=False, enable_progress_bar=False,
                      enable_model_summary=False, accelerator="cpu", default_root_dir=tmp_path,
                      callbacks=[Health()])  # fmt: skip
    model = GAN(ImageSpec(1, 16, 0))
    trainer.fit(model, datamodule=Own())
    assert trainer.global_step == 2
    written = card(trainer, model, "test", 4, 4)
    assert written["reference"] == {"split": "test", "images": 0, "sha256": "not declared"}
    assert written["protocol"] == "OWN"


def test_an_own_data_module_is_asked_for_what_it_does_have():
    own = Own()
    own.protocol, own.class_names = Protocol.PAPERS, ("a",)
    facts = data_facts(own)
    assert (facts.spec, facts.protocol, facts.class_names) == (own.spec, Protocol.PAPERS, ("a",))
    assert (facts.palette, facts.names("val"), facts.scene("val"), list(facts.probe())) == (None, [], None, [])


def test_data_modules_of_the_suite_answer_themselves_and_no_data_by_defaults():
    data = Digits()
    assert data_facts(data) is data
    assert data_facts(None).reference("val") == Reference("val", 0, "not declared")


def test_images_that_data_do_not_give_are_asked_for_in_words():
    with pytest.raises(UserError, match=r"Own has no reference_images\. Add it to the class"):
        data_facts(Own()).reference_images("train")
    with pytest.raises(UserError, match=r"Own has no reference_images"):
        data_facts(Own()).image_loader("train")


def test_data_without_a_spec_are_told_what_to_add():
    with pytest.raises(UserError, match=r"LightningDataModule has no spec\. Add to the class.*spec = ImageSpec"):
        spec_of(LightningDataModule())
    assert not hasattr(DataFacts, "spec")
