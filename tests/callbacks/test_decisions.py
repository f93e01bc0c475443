import torch

from lightning_cgan.batches import ClassPrediction, EvalOutput
from lightning_cgan.callbacks.pictures import Predictions, WritePredictions


class Alone:
    """What the callbacks ask of a trainer."""

    is_global_zero, world_size, global_rank, datamodule = True, 1, 0, None

    def __init__(self, folder):
        self.default_root_dir = str(folder)


def predict(folder, outputs, *callbacks):
    trainer = Alone(folder)
    for callback in callbacks:
        for batch, output in enumerate(outputs):
            callback.on_predict_batch_end(trainer, None, output, None, batch)
        callback.on_predict_end(trainer, None)


def watching():
    decisions, predictions = WritePredictions(), Predictions()
    decisions.on_predict_start(None, None)
    predictions.cells, predictions.drawn = {}, {}
    return decisions, predictions


def test_each_image_has_a_line_in_the_order_of_the_batches(tmp_path, capsys):
    first = ClassPrediction(["a, b.png", "c.png"], torch.tensor([3, 1]), torch.tensor([0.25, 1.0]))
    predict(tmp_path, [first, ClassPrediction(["d.png"], torch.tensor([0]), torch.tensor([0.5]))], *watching())
    lines = (tmp_path / "predictions.csv").read_text().splitlines()
    assert lines == ["image,class,probability", '"a, b.png",3,0.250000', "c.png,1,1.000000", "d.png,0,0.500000"]
    assert "the classes of 3 images in" in capsys.readouterr().out
    assert not (tmp_path / "predictions").exists()


def test_generated_images_are_not_classified(tmp_path):
    decisions, _ = watching()
    predict(tmp_path, [EvalOutput(torch.zeros(0, 1, 2, 2), torch.zeros(3, 1, 2, 2))], decisions)
    assert not (tmp_path / "predictions.csv").exists()


def test_processes_that_share_the_batches_write_them_in_the_order_of_one(tmp_path, monkeypatch):
    decisions, _ = watching()
    trainer = Alone(tmp_path)
    trainer.world_size = 2

    def gather(shards, mine):
        other = [[row._replace(image="b") for row in batch] for batch in mine[:1]]
        shards[:] = [mine, other]

    monkeypatch.setattr(torch.distributed, "all_gather_object", gather)
    for name in ("a", "c"):
        one = ClassPrediction([name], torch.tensor([0]), torch.tensor([0.5]))
        decisions.on_predict_batch_end(trainer, None, one, None, 0)
    decisions.on_predict_end(trainer, None)
    rows = (tmp_path / "predictions.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["a", "b", "c"]
