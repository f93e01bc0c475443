"""A test counts as scored when it has used all test data and has ended."""

from lightning.pytorch import Callback
from safetensors.torch import load_file

from tests.test_resume import callback


class Cut(Callback):
    """Interrupts a test when its scores are written and it has not ended."""

    def on_test_epoch_end(self, trainer, module):
        raise KeyboardInterrupt


def kept(folder):
    """How many images' features lie in each file."""
    return sorted(len(load_file(path)["features"]) for path in folder.glob("*.safetensors"))


def test_a_partial_or_interrupted_test_does_not_count_as_scored(run, scores, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("LIGHTNING_CGAN_CACHE", str(tmp_path / "features"))
    assert run("fit", steps=2, every=2) == 0
    few = "--data.init_args.evaluation_batch_size=50"
    assert run("validate", few, "--trainer.limit_val_batches=1") == 0
    assert run("test", few, "--trainer.limit_test_batches=2") == 0
    said = capsys.readouterr().out
    warning = "warning: this evaluation sees 2 of 10 batches (trainer.limit_test_batches); it does not count as scored"
    assert warning in said
    assert scores()["test_partial"]["card"]["partial"] == "2 of 10 batches"
    assert scores().keys() == {"val", "val_partial", "test_partial"}
    assert "partial" not in scores()["val"]["card"]
    assert kept(tmp_path / "features") == [200, 1097]  # all of the validation and of the training images

    assert run("test", few, callback("tests.callbacks.test_partial_evaluation.Cut")) == 130
    assert scores().keys() == {"val", "val_partial", "test_partial"}
    assert scores()["test_partial"]["card"]["reals"] == 500  # what was reached is not lost

    assert run("test", few) == 0
    assert scores()["test"]["card"]["scored"] == 1
    assert "test_partial" not in scores()
    assert run("test", few) == 0
    assert "this run is scored" in capsys.readouterr().out


def test_choosing_checkpoints_on_part_of_the_validation_data_is_said_and_stands_on_the_card(run, scores, capsys):
    part = "--trainer.limit_val_batches=1"
    assert run("fit", part, "--data.init_args.evaluation_batch_size=50", steps=2, every=2) == 0
    assert (
        "sees 1 of 4 batches (trainer.limit_val_batches); best.ckpt is selected on this part" in capsys.readouterr().out
    )
    assert scores()["val"]["card"]["partial"] == "1 of 4 batches"
    assert run("fit", "--data.init_args.evaluation_batch_size=50", steps=4, every=2) == 0
    said = "best.ckpt was selected on 1 of 4 batches of the validation data so far, from now on it is on all"
    assert said in capsys.readouterr().out
    assert "partial" not in scores()["val"]["card"]
