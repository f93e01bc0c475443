import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.core.low_resolution import low_resolution
from datamodules.core.order import SampleIndex
from datamodules.files.decode import read_picture
from datamodules.folders.super_resolution import SuperResolutionFolder
from lightning_cgan.batches import Paired, PairSpec
from tests.datamodules.sets import put_picture, random_bytes, write_high_resolution
from tests.translation import Negative, trainer


def folder(root, **options):
    return SuperResolutionFolder(str(root), **{"size": 16, "scale": 4, "num_workers": 0, "batch_size": 2, **options})


def at(*places, epoch=0):
    place = torch.tensor(places, dtype=torch.int64)
    return SampleIndex(torch.full_like(place, epoch), place)


@pytest.mark.parametrize("scale", [2, 4])
def test_training_crops_come_with_the_low_resolution_that_is_made_of_them(tmp_path, scale):
    data = folder(write_high_resolution(tmp_path), scale=scale)
    assert data.spec == PairSpec(3, 3, 16, scale)
    for epoch in range(3):
        a, b = (side.images(at(*range(6), epoch=epoch)) for side in data.domains("train"))
        assert b.shape == (6, 3, 16, 16)
        assert torch.equal(a, low_resolution(b, scale))


def test_crops_come_from_all_over_the_photograph_and_are_mirrored_only_if_asked(tmp_path):
    ramp = np.arange(20 * 20, dtype=np.int64).reshape(20, 20)
    pixels = np.stack([ramp % 20, ramp // 20, ramp * 0], -1).astype(np.uint8)
    for split in ("train", "val", "test"):
        put_picture(tmp_path / split / "x.png", pixels)
    for flip, ways in ((False, {-1}), (True, {-1, 1})):
        _, b = folder(tmp_path, flip=flip).domains("train")
        crops = [b.images(at(0, epoch=epoch))[0].int() for epoch in range(150)]
        assert {int(crop[0].min()) for crop in crops} == {int(crop[1].min()) for crop in crops} == set(range(5))
        assert {int(crop[0, 0, 0] - crop[0, 0, 1]) for crop in crops} == ways


def test_scores_are_measured_on_whole_photographs_cut_to_multiples_of_the_scale(tmp_path):
    data = folder(write_high_resolution(tmp_path, {"train": 3, "val": 2, "test": 3}))
    module = Negative()
    module.test_step = lambda batch, batch_idx: module.evaluated.append(batch)
    trainer(tmp_path).test(module, data, verbose=False)
    assert [(batch.a.shape, batch.b.shape) for batch in module.evaluated] == [
        ((1, 3, 10, 12), (1, 3, 40, 48)),
        ((1, 3, 10, 12), (1, 3, 40, 48)),
        ((1, 3, 11, 12), (1, 3, 44, 48)),
    ]
    written = torch.from_numpy(np.array(Image.open(tmp_path / "test" / "0000.png"))).permute(2, 0, 1)
    a, b = (side.images(at(0))[0] for side in data.domains("test"))
    assert torch.equal(b, written[:, :40, :48])
    assert torch.equal(a, low_resolution(b, 4))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("train", "valid"), ("val (held out by name, a share of about 0.1)", "test (the pictures of val)")),
        (
            ("DIV2K_train_HR", "DIV2K_valid_HR"),
            ("val (held out by name, a share of about 0.1)", "test (the pictures of val)"),
        ),
        (("train", "val", "test"), ("val", "test")),
    ],
)
def test_folders_are_found_by_their_usual_names_and_the_card_tells_which_is_scored(tmp_path, names, said):
    data = folder(write_high_resolution(tmp_path, dict.fromkeys(names, 10)), share=0.1)
    assert tuple(data.reference(split).split for split in ("val", "test")) == said
    train, val = (len(data.domains(split)[0].label) for split in ("train", "val"))
    assert (train + val, train < 10) == ((10, True) if len(names) == 2 else (20, False))
    assert len(data.domains("test")[1].label) == 10


def test_the_reference_is_of_the_photographs_and_the_scale_and_not_of_the_crops(tmp_path):
    write_high_resolution(tmp_path)
    one = folder(tmp_path).reference("test")
    assert folder(tmp_path, size=24, flip=True).reference("test") == one
    assert folder(tmp_path, scale=2).reference("test").sha256 != one.sha256


def test_a_run_trains_on_pairs(tmp_path):
    data, module = folder(write_high_resolution(tmp_path), channels=1), Negative()
    trainer(tmp_path, max_epochs=1, limit_train_batches=2, limit_val_batches=0).fit(module, data)
    assert all(isinstance(batch, Paired) for batch in module.trained)
    assert {(batch.a.shape, batch.b.shape) for batch in module.trained} == {((1, 2, 1, 4, 4), (1, 2, 1, 16, 16))}


def test_a_photograph_is_opened_once_for_both_resolutions(tmp_path, monkeypatch):
    opened = []

    def noted(path, *how):
        opened.append(path)
        return read_picture(path, *how)

    monkeypatch.setattr("datamodules.files.side_decoding.read_picture", noted)
    a, b = folder(write_high_resolution(tmp_path)).domains("train")
    a.images(at(0, 1))
    b.images(at(0, 1))
    assert len(opened) == 2


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("scale", {"scale": 1}),
        ("size", {"size": 18}),
        ("size", {"size": 0}),
        ("channels", {"channels": 2}),
        ("share", {"share": 0.4}),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_their_key(tmp_path, key, options):
    with pytest.raises(ValueError, match=rf"got .*Set data\.init_args\.{key}\."):
        folder(tmp_path, **options)


def test_photographs_smaller_than_the_crops_and_files_that_are_none_are_named(tmp_path):
    data = folder(write_high_resolution(tmp_path), size=44)
    with pytest.raises(
        ValueError, match=r"Squares of 44.*2 of 6 are smaller\. Set data\.init_args\.size.*\n.*0000\.png"
    ):
        data.setup("fit")
    (tmp_path / "val" / "0000.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"1 of 2 cannot be used.*init_args\.root\.\n.*0000\.png is none"):
        folder(tmp_path).setup("validate")
    with pytest.raises(ValueError, match=r"train pictures lie in train, or DIV2K_train_HR; got no folder .*/x\. Set"):
        folder(tmp_path / "x").setup("fit")


def test_a_low_resolution_of_ones_own_is_taken_as_it_is(tmp_path):
    path = put_picture(tmp_path / "small.png", random_bytes(0, 9, 7, 3))
    data = SuperResolutionFolder("nowhere", predict_from=str(path), num_workers=0)
    seen = []

    class Noting(Negative):
        def predict_step(self, batch, batch_idx):
            seen.append(batch)

    trainer(tmp_path).predict(Noting(), data, return_predictions=False)
    assert [(batch.image.shape, batch.name) for batch in seen] == [((1, 3, 9, 7), ["small"])]
