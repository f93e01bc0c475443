import pytest
import torch

from datamodules.core.order import SampleIndex
from datamodules.folders.unpaired import UnpairedFolder
from datamodules.translation import Direction
from lightning_cgan.batches import PairSpec, Unpaired
from tests.datamodules.sets import put_picture, random_bytes, write_pairs, write_unpaired
from tests.translation import Negative, trainer


def folder(root, **options):
    return UnpairedFolder(str(root), **{"size": 16, "load_size": 18, "num_workers": 0, **options})


def counts(data):
    return {split: tuple(len(side.label) for side in data.domains(split)) for split in ("train", "val", "test")}


def test_the_published_layout_has_no_validation_pictures_so_a_share_of_each_domain_is_held_out(tmp_path):
    data = folder(write_unpaired(tmp_path, {"train": (20, 10), "test": (3, 2)}), share=0.2)
    assert data.spec == PairSpec(3, 3, 16)
    (train_a, train_b), (val_a, val_b) = counts(data)["train"], counts(data)["val"]
    assert (train_a + val_a, train_b + val_b, *counts(data)["test"]) == (20, 10, 3, 2)
    assert min(val_a, val_b) >= 1
    assert data.reference("val").split == "val (held out by name, a share of about 0.2)"
    for side in (0, 1):
        train, val = (set(data.eval_sources(split)[side].path) for split in ("train", "val"))
        assert not train & val
        assert all(f"/train{'AB'[side]}/" in path for path in train | val)


def test_validation_pictures_are_taken_where_they_are(tmp_path):
    write_unpaired(tmp_path, {"train": (6, 4), "val": (2, 3), "test": (1, 2)})
    assert counts(folder(tmp_path)) == {"train": (6, 4), "val": (2, 3), "test": (1, 2)}
    assert folder(tmp_path).reference("val").split == "val"


@pytest.mark.parametrize("way", ["train/A", "A/train"])
def test_other_layouts_are_found_too(tmp_path, way):
    assert counts(folder(write_pairs(tmp_path, way=way))) == {"train": (6, 6), "val": (2, 2), "test": (2, 2)}


def test_both_domains_are_drawn_independently(tmp_path):
    for split in ("train", "val", "test"):
        for side in "AB":
            put_picture(tmp_path / f"{split}{side}" / "x.png", random_bytes(0, 18, 18, 3))
    data = folder(tmp_path)
    at = torch.zeros(40, dtype=torch.int64)
    a, b = (side.images(SampleIndex(torch.arange(40), at)) for side in data.domains("train"))
    same = sum(torch.equal(one, other) for one, other in zip(a, b, strict=True))
    assert same <= 10  # of the same picture there are 9 crops, each mirrored or not: 1 of 18 agrees by chance
    assert len(a.unique(dim=0)) >= 12
    assert set(map(tuple, a.flatten(1).tolist())) & set(map(tuple, b.flatten(1).tolist()))


def test_a_draw_is_of_the_epoch_and_the_picture_whatever_stands_beside_it(tmp_path):
    data = folder(write_unpaired(tmp_path))
    source, _ = data.domains("train")
    whole = source.images(SampleIndex(torch.tensor([[0, 1, 2], [0, 0, 3]]), torch.tensor([[0, 1, 2], [3, 4, 0]])))
    again, _ = folder(tmp_path).domains("train")
    assert torch.equal(again.images(SampleIndex(torch.tensor([3, 1]), torch.tensor([0, 1]))), whole[[1, 0], [2, 1]])


def test_a_run_trains_on_unpaired_batches_and_scores_each_picture_once(tmp_path):
    data = folder(write_unpaired(tmp_path), batch_size=2, evaluation_batch_size=2, direction=Direction.b_to_a)
    module = Negative()
    module.test_step = lambda batch, batch_idx: module.evaluated.append(batch)
    run = trainer(tmp_path, max_epochs=1, limit_train_batches=3, limit_val_batches=0)
    run.fit(module, data)
    assert all(isinstance(batch, Unpaired) for batch in module.trained)
    assert {(batch.a.shape, batch.b.shape) for batch in module.trained} == {((1, 2, 3, 16, 16),) * 2}
    run.test(module, data, verbose=False)
    a, b = (torch.cat([getattr(batch, side) for batch in module.evaluated]) for side in "ab")
    assert (len(a.unique(dim=0)), len(b.unique(dim=0))) == (len(a), len(b)) == (2, 3)


def test_native_sizes_come_one_by_one_though_there_are_more_of_one_domain(tmp_path):
    write_unpaired(tmp_path)
    put_picture(tmp_path / "testA" / "A0.png", random_bytes(0, 30, 31, 3))
    data = folder(tmp_path, keep_size=True)
    module = Negative()
    module.test_step = lambda batch, batch_idx: module.evaluated.append(batch)
    trainer(tmp_path).test(module, data, verbose=False)
    assert [tuple(batch.a.shape[-2:]) for batch in module.evaluated] == [(30, 31), (20, 24), (20, 24)]
    assert sorted(len(batch.b) for batch in module.evaluated) == [0, 1, 1]
