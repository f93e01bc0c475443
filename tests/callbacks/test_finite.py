"""NaN and infinity reach no checkpoint, and the command says where training came to them."""

import json

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from datamodules.core.order import TrainingOrder, ZipSampler
from lightning_cgan.callbacks.finite import OnlyFinite
from lightning_cgan.cli.lightning import main
from lightning_cgan.errors import NonFiniteError
from lightning_cgan.finite import not_finite
from tests.conftest import same
from tests.runs.test_trainer_checks import DIGITS

CLASSES = "tests.callbacks.test_finite"
CONVOLUTIONAL = [
    "--model.init_args.generator=lightning_cgan.networks.dcgan.Generator",
    "--model.init_args.generator.init_args.width=4",
]


class SpoiledGradient(Callback):
    def on_after_backward(self, trainer, module):
        if trainer.global_step == 3:
            next(weight for weight in module.generator.parameters()).grad.view(-1)[0] = torch.nan


class SpoiledStatistics(Callback):
    """What a forward pass leaves in a batch norm though loss and gradient are finite."""

    def on_train_batch_end(self, trainer, module, *_):
        if trainer.global_step == 3:
            next(held for name, held in module.named_buffers() if "running_var" in name).fill_(torch.inf)


@pytest.fixture
def fit(tmp_path):
    def run(folder, *extra):
        rest = ["--trainer.max_steps=6", f"--trainer.default_root_dir={tmp_path / folder}"]
        return main(["fit", *DIGITS, *CONVOLUTIONAL, *rest, *extra])

    return run


def spoiled(what):
    return f"--trainer.callbacks=[{{class_path: {CLASSES}.{what}}}]"


@pytest.mark.parametrize(
    ("what", "update", "told"),
    [
        ("SpoiledGradient", 4, "update 4: the gradient of the generator is not finite"),
        ("SpoiledStatistics", 4, "update 4: a checkpoint would hold NaN or infinity in generator."),
    ],
)
def test_a_run_that_comes_to_nan_ends_with_3_and_the_last_checkpoint_of_before(
    fit, state, tmp_path, capsys, what, update, told
):
    assert fit("good", "--trainer.max_steps=2") == 0
    assert fit("run", spoiled(what)) == 3
    said = capsys.readouterr().err
    assert f"lightning-cgan: {told}" in said
    assert "a lower learning rate with --fresh" in said
    held = state()
    assert held["global_step"] == 2
    assert same(held["state_dict"], state("good")["state_dict"])
    assert not [*not_finite(held["state_dict"]), *not_finite(held["optimizer_states"])]
    written = json.loads((tmp_path / "run" / "nonfinite.json").read_text())
    assert written["update"] == update
    assert written["seed"] == 0
    assert written["message"].startswith(told)
    if what == "SpoiledGradient":
        (batch,) = written["images"]["order"]
        assert f"Training images {', '.join(map(str, batch[:8]))}; more in" in said
        assert written["images"] == TrainingOrder(1097, (1, len(batch))).images_of(update - 1)
        assert (written["network"], written["gradient_norm"]) == ("generator", "nan")


def test_a_moment_of_an_optimizer_that_is_no_number_is_not_saved():
    moments = [{"state": {0: {"exp_avg": torch.zeros(2)}}}, {"state": {0: {"exp_avg": torch.tensor([0, torch.inf])}}}]
    runner = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    with pytest.raises(NonFiniteError, match=r"in optimizer\.1\.state\.0\.exp_avg; it was not saved"):
        OnlyFinite().on_save_checkpoint(runner, LightningModule(), {"state_dict": {}, "optimizer_states": moments})


def test_the_images_of_an_update_are_those_it_trains_on_in_all_processes():
    shares = [TrainingOrder(50, (2, 6), rank=rank, world=2, purpose="domain a") for rank in (0, 1)]
    of_b = TrainingOrder(7, (2, 6), purpose="domain b")
    told = ZipSampler(shares[1], of_b).images_of(3)
    assert told["domain b"] == of_b.positions(3).image.tolist()
    both = torch.cat([share.positions(3).image for share in shares], 1)
    assert [sorted(batch) for batch in told["domain a"]] == both.sort(1).values.tolist()


def test_where_the_note_on_nan_cannot_be_written_the_run_still_ends_with_3(fit, tmp_path, capsys):
    (tmp_path / "run" / "nonfinite.json").mkdir(parents=True)
    assert fit("run", spoiled("SpoiledGradient")) == 3
    assert "nonfinite.json could not be written" in capsys.readouterr().out
