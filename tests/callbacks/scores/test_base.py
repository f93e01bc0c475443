import json

import pytest
from lightning.pytorch import Callback
from torch.utils.data import DataLoader

from lightning_cgan.callbacks.scores.base import Evaluation, PerImage, ScoreCallback, ScoreReport, means
from lightning_cgan.runs.metrics_json import read_results
from tests.translation import Negative, SmallPairs, trainer


class Brightness(ScoreCallback):
    """The mean of each generated image, with its standard error over images: the example of the documentation."""

    def start(self):
        self.values = PerImage(self.evaluation)

    def update(self, outputs):
        self.values.add(brightness=outputs.fake.double().mean((1, 2, 3)))

    def compute(self):
        values = self.values.gather()
        self.order = values["brightness"]
        return ScoreReport(*means(values), reals=0, fakes=len(values["brightness"]), notes=["Bright."])


class Constant(ScoreCallback):
    """Reports one score."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    def update(self, outputs):
        pass

    def compute(self):
        written = {"by": {self.name: True}, self.name: 1}
        return ScoreReport({self.name: self.value}, {self.name: 0.1}, 10, 10, card=written, notes=[self.name])


class Interrupt(Callback):
    def on_test_epoch_end(self, trainer, module):
        raise RuntimeError("power cut")


def test_a_score_of_an_update_and_a_compute_is_logged_and_written_in_validation_and_test(tmp_path):
    runner = trainer(tmp_path, callbacks=[Brightness()])
    runner.validate(Negative(), SmallPairs(evaluation_batch_size=3), verbose=False)
    assert runner.callback_metrics["val/brightness"] == pytest.approx(-2 * 104.5 / 255 + 1)
    runner.test(Negative(), SmallPairs(evaluation_batch_size=3), verbose=False)
    entries = read_results(tmp_path)
    assert list(entries) == ["val", "test"]
    for name, entry in entries.items():
        assert list(entry) == ["scores", "standard_errors", "notes", "card"]
        assert entry["standard_errors"]["brightness"] == pytest.approx(2 / 255 * (110 / 12 / 10) ** 0.5)
        assert (entry["card"]["reference"]["split"], entry["card"]["fakes"]) == (name, 10)


def test_the_sanity_check_is_not_scored(tmp_path):
    runner = trainer(tmp_path, callbacks=[Brightness()], max_epochs=1, limit_train_batches=1, check_val_every_n_epoch=9)
    runner.fit(Negative(), SmallPairs())
    assert read_results(tmp_path) == {}


def test_a_note_is_printed_once_a_run(tmp_path, capsys):
    runner = trainer(tmp_path, callbacks=[Brightness()])
    for _ in range(2):
        runner.validate(Negative(), SmallPairs(), verbose=False)
    assert capsys.readouterr().out.count("warning: val: Bright.") == 1
    assert read_results(tmp_path)["val"]["notes"] == ["Bright."]


def test_what_several_callbacks_report_of_one_evaluation_is_one_entry(tmp_path):
    for value in (1.0, 2.0):
        callbacks = [Constant("first", value), Constant("second", value + 0.5)]
        trainer(tmp_path, callbacks=callbacks).test(Negative(), SmallPairs(), verbose=False)
        entry = read_results(tmp_path)["test"]
        assert entry["scores"] == {"first": value, "second": value + 0.5}
        assert entry["notes"] == ["first", "second"]
        assert entry["card"]["by"] == {"second": True}
        assert entry["card"]["first"] == entry["card"]["second"] == 1
        assert entry["card"]["scored"] == value


def test_each_score_has_its_own_numbers_of_images_on_the_card(tmp_path):
    runner = trainer(tmp_path)
    runner.datamodule = SmallPairs()
    here = Evaluation(runner, Negative(), "test")
    first, second = here.card(10, 20), here.card(0, 5)
    assert [(card["reals"], card["fakes"]) for card in (first, second)] == [(10, 20), (0, 5)]
    assert first["reference"] == second["reference"]


def test_two_tests_of_one_trainer_are_two_looks_at_the_test_data(tmp_path):
    runner = trainer(tmp_path, callbacks=[Constant("only", 1.0)])
    for count in (1, 2):
        runner.test(Negative(), SmallPairs(), verbose=False)
        assert read_results(tmp_path)["test"]["card"]["scored"] == count


def test_a_later_evaluation_leaves_nothing_of_an_earlier_one(tmp_path):
    for name in ("first", "second"):
        trainer(tmp_path, callbacks=[Constant(name, 1.0)]).test(Negative(), SmallPairs(), verbose=False)
    assert read_results(tmp_path)["test"]["scores"] == {"second": 1.0}


def test_an_interrupted_test_leaves_its_scores_as_partial(tmp_path):
    with pytest.raises(RuntimeError, match="power cut"):
        trainer(tmp_path, callbacks=[Constant("only", 1.0), Interrupt()]).test(Negative(), SmallPairs(), verbose=False)
    assert list(read_results(tmp_path)) == ["test_partial"]
    trainer(tmp_path, callbacks=[Constant("only", 1.0)]).test(Negative(), SmallPairs(), verbose=False)
    assert read_results(tmp_path)["test"]["card"]["scored"] == 1


def test_a_score_of_part_of_the_data_says_so(tmp_path):
    runner = trainer(tmp_path, callbacks=[Brightness()], limit_val_batches=1, limit_test_batches=1)
    runner.validate(Negative(), SmallPairs(evaluation_batch_size=3), verbose=False)
    runner.test(Negative(), SmallPairs(evaluation_batch_size=3), verbose=False)
    entries = read_results(tmp_path)
    assert list(entries) == ["val_partial", "test_partial"]
    assert all(entry["card"]["partial"] == "1 of 4 batches" for entry in entries.values())


def test_two_processes_gather_the_images_in_the_order_of_one(tmp_path):
    entries = []
    for number, more in enumerate(({}, {"devices": 2, "strategy": "ddp_fork"})):
        runner = trainer(tmp_path / str(number), callbacks=[Brightness(), Ordered()], **more)
        runner.test(Negative(), SmallPairs(evaluation_batch_size=2), verbose=False)
        entries.append(json.loads((tmp_path / str(number) / "metrics.json").read_text())["test"])
    alone, together = entries
    assert (alone["card"]["processes"], together["card"]["processes"]) == (1, 2)
    for part in ("scores", "standard_errors"):
        assert together[part] == alone[part]
    assert alone["scores"]["ordered"] == 1


class Ordered(Brightness):
    """1 where the images come in the order of the data, which darken."""

    def compute(self):
        values = self.values.gather()["brightness"]
        return ScoreReport({"ordered": float((values.diff() < 0).all())}, {}, 0, len(values))


def test_a_step_that_returns_something_else_is_named(tmp_path):
    class Other(Negative):
        def test_step(self, batch, batch_idx):
            return {"loss": 1}

    with pytest.raises(ValueError, match=r"got dict from Other\. Return one there, or leave Brightness out"):
        trainer(tmp_path, callbacks=[Brightness()]).test(Other(), SmallPairs(), verbose=False)


def test_scores_without_a_data_module_are_refused(tmp_path):
    data = SmallPairs()
    data.setup("test")
    loader = data.test_dataloader()
    assert isinstance(loader, DataLoader)
    with pytest.raises(ValueError, match=r"got data loaders\. Pass datamodule="):
        trainer(tmp_path, callbacks=[Brightness()]).test(Negative(), loader, verbose=False)
