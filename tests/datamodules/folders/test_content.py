import numpy as np
import pytest
from lightning.pytorch import Trainer
from PIL import Image

from datamodules.folders.content import StyleContentFolder
from tests.datamodules.sets import write_pictures


def contents(folder, stage, **options):
    data = StyleContentFolder(str(folder), size=16, num_workers=0, share=0.2, **options)
    data.trainer = Trainer(logger=False, barebones=True)
    data.setup(stage)
    return data


def test_predict_repaints_the_test_pictures_or_ones_own(tmp_path):
    root = write_pictures(tmp_path / "data")
    (batch,) = contents(root, "predict").predict_dataloader()
    assert batch.image.shape[1:] == (3, 16, 16)
    assert batch.name == [f"{number:05d}" for number in range(len(batch.image))]
    for name, shape in {"a": (9, 20), "b": (30, 8)}.items():
        (tmp_path / "own").mkdir(exist_ok=True)
        Image.fromarray(np.full((*shape, 3), 50, dtype=np.uint8)).save(tmp_path / "own" / f"{name}.png")
    batches = list(contents(root, "predict", predict_from=str(tmp_path / "own")).predict_dataloader())
    assert [(batch.name, batch.image.shape) for batch in batches] == [
        (["a"], (1, 3, 9, 20)),
        (["b"], (1, 3, 30, 8)),
    ]


def test_own_pictures_are_all_that_is_needed(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "x.png")
    (batch,) = contents(tmp_path / "nowhere", "predict", predict_from=str(tmp_path / "x.png")).predict_dataloader()
    assert batch.name == ["x"]
    with pytest.raises(ValueError, match=r"Set data.init_args.predict_from"):
        contents(tmp_path / "nowhere", "predict", predict_from=str(tmp_path / "y.png"))


def test_an_evaluation_holds_no_more_batches_than_pictures(tmp_path):
    data = contents(write_pictures(tmp_path), "fit", evaluation_batch_size=2)
    assert len(data.val_dataloader()) == -(-data.reference("val").images // 2)
