"""What makes an experiment tiny is derived, so that a new paper edits no existing file."""

import pytest
from torch import nn

from datamodules.folders.paired import PairedFolder
from lightning_cgan.papers.gan import GAN
from tests.experiments.tiny import narrow_networks
from tests.experiments.writers import writer_of

HERE = "tests.experiments.test_tiny"


class Wide(nn.Module):
    """A network of a stranger."""

    def __init__(self, spec, width=512, depth=3):
        super().__init__()


class Paper(GAN):
    """A paper of a stranger, whose networks are given by a class and by a lambda."""

    def __init__(self, spec, generator=Wide, critic=lambda spec: Wide(spec, depth=5), rate=0.1, init_checkpoint=None):
        super().__init__(spec)


class OwnPairs(PairedFolder):
    """Pairs of a stranger, in folders that have a writer."""


class OwnFormat:
    """Data in a format without a writer."""


def test_networks_of_a_new_paper_are_narrow_without_an_entry_anywhere():
    assert narrow_networks({"class_path": f"{HERE}.Paper"}) == {
        "model.init_args.generator.class_path": f"{HERE}.Wide",
        "model.init_args.generator.init_args.width": 8,
        "model.init_args.critic.class_path": f"{HERE}.Wide",
        "model.init_args.critic.init_args.depth": 5,
        "model.init_args.critic.init_args.width": 8,
    }


def test_what_a_file_says_of_a_network_stays():
    given = {"generator": {"class_path": f"{HERE}.Wide", "init_args": {"depth": 7}}, "critic": "torch.nn.Identity"}
    assert narrow_networks({"class_path": f"{HERE}.Paper", "init_args": given}) == {
        "model.init_args.generator.init_args.width": 8
    }


def test_a_data_module_that_inherits_from_one_with_a_writer_needs_none():
    assert writer_of(OwnPairs) is writer_of(PairedFolder)


def test_a_new_format_is_told_where_its_writer_goes():
    with pytest.raises(LookupError, match="OwnFormat reads files; add a module with WRITERS to tests/experiments"):
        writer_of(OwnFormat)
