import pytest
import torch
from PIL import Image

from datamodules.core.order import SampleIndex
from datamodules.folders.class_folders import LabelledFolder, UnlabelledFolder
from lightning_cgan.batches import ImageSpec
from lightning_cgan.cli.lightning import main
from tests.conftest import DIGITS
from tests.datamodules.sets import write_folders, write_pictures

CLASSES = ["n00000000", "n00000001", "n00000002"]


def names(files):
    return {str(path).split("/data/")[1] for path in files.path}


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


def test_classes_are_the_folders_known_before_any_picture_is_read(root):
    write_folders(root, splits=("train",))
    data = LabelledFolder(str(root), size=16)
    assert data.spec == ImageSpec(3, 16, 3)
    assert data.classes == CLASSES
    assert data.sources == {}


@pytest.mark.parametrize("splits", [("train",), ("train", "val"), ("train", "test"), ("train", "val", "test")])
def test_splits_without_a_folder_are_held_out_of_the_training_pictures(root, splits):
    write_folders(root, count=10, splits=splits)
    data = LabelledFolder(str(root), size=16)
    parts = {split: data.source(split) for split in ("train", "val", "test")}
    for split in ("val", "test"):
        assert parts[split].label.bincount(minlength=3).min() >= (10 if split in splits else 1)
        assert all(name.startswith(split if split in splits else "train") for name in names(parts[split]))
        told = f"{split} (held out by name, a share of about 0.1)"
        assert data.reference(split).split == (split if split in splits else told)
    assert sum(len(part.label) for part in parts.values()) == 30 * len(splits)
    together = [name for part in parts.values() for name in names(part)]
    assert len(together) == len(set(together))
    again = LabelledFolder(str(root), size=16)
    assert [again.reference(split) for split in parts] == [data.reference(split) for split in parts]


def test_pictures_come_with_the_label_of_their_folder(root):
    for name, colour in {"blue": (0, 0, 255), "red": (255, 0, 0)}.items():
        for number in range(4):
            (root / "train" / name / "deep").mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20, 30), colour).save(root / "train" / name / "deep" / f"{number}.png")
    data = LabelledFolder(str(root), size=8)
    train = data.source("train")
    index = torch.arange(len(train.label))
    image = train.images(SampleIndex(index, index))
    assert train.label.tolist() == [0, 0, 1, 1]
    assert image[:, 0].float().mean((1, 2)).tolist() == [0, 0, 255, 255]


def test_pictures_may_be_grey_mirrored_and_on_a_background(root):
    for name in "ab":
        (root / "train" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(root / "train" / name / f"{number}.png")
    data = LabelledFolder(str(root), size=8, channels=1, background=(40, 40, 40), flip=True)
    assert data.spec == ImageSpec(1, 8, 2)
    at = SampleIndex(torch.zeros(1, 2, dtype=torch.int64), torch.zeros(1, 2, dtype=torch.int64))
    assert torch.equal(data.source("train").images(at), torch.full((1, 2, 1, 8, 8), 40, dtype=torch.uint8))


def test_classes_to_draw_are_named_or_numbered(root):
    write_folders(root, splits=("train",))
    assert LabelledFolder(str(root), predict_classes=["n00000002", 0]).predict_classes == [2, 0]
    with pytest.raises(ValueError, match=r"got n0000002, which is neither. The nearest is n00000002. Set data"):
        LabelledFolder(str(root), predict_classes=["n0000002"])
    with pytest.raises(ValueError, match=r"numbers from 0 to 2, or names in quotes; got \[3\]"):
        LabelledFolder(str(root), predict_classes=[3])


@pytest.mark.parametrize(("classes", "met"), [(1, "1 of them"), (0, "no such folder")])
def test_fewer_than_two_classes_are_refused(root, classes, met):
    write_folders(root, classes=classes)
    with pytest.raises(ValueError, match=rf"two classes or more; got {met}. Set data.init_args.root, or use .*Unlab"):
        LabelledFolder(str(root))


def test_an_empty_class_is_refused_by_name(root):
    write_folders(root)
    (root / "train" / "n1").mkdir()
    (root / "val" / "n1").mkdir()
    with pytest.raises(ValueError, match=r"Every folder of a set holds pictures, .*/train/n1 without pictures"):
        LabelledFolder(str(root)).setup("fit")


def test_splits_of_other_classes_are_refused(root):
    write_folders(root)
    (root / "val" / "n00000001").rename(root / "val" / "dogs")
    with pytest.raises(ValueError, match=r"folders of the same names, or labels are mixed up; dogs is in one only"):
        LabelledFolder(str(root)).setup("fit")


def test_a_class_with_too_few_pictures_to_hold_any_out_is_refused(root):
    write_folders(root, count=2, splits=("train",))
    with pytest.raises(ValueError, match=r"test and val are held out.* needs at least 3; one in .* has 2"):
        LabelledFolder(str(root)).setup("fit")


def test_a_file_that_is_no_picture_is_refused_on_setup(root):
    write_folders(root)
    (root / "train" / "n00000001" / "2.JPEG").write_text("<html>404</html>")
    with pytest.raises(ValueError, match=r"1 of 12 that were checked(.|\n)*n00000001/2\.JPEG is none of them"):
        LabelledFolder(str(root)).setup("fit")


@pytest.mark.parametrize(
    ("key", "value"), [("channels", 4), ("share", 0.5), ("share", 0.0), ("background", (0, 0, 256))]
)
def test_settings_that_make_no_sense_are_refused_with_their_key(root, key, value):
    with pytest.raises(ValueError, match=rf"Set data.init_args.{key}"):
        UnlabelledFolder(str(root), **{key: value})


def test_pictures_without_classes_are_taken_from_any_depth(root):
    data = UnlabelledFolder(str(write_pictures(root)), size=16)
    assert data.spec == ImageSpec(3, 16, 0)
    parts = {split: data.source(split) for split in ("train", "val", "test")}
    assert min(len(part.label) for part in parts.values()) >= 1
    assert len(set.union(*(names(part) for part in parts.values()))) == 20
    assert not any(part.label.any() for part in parts.values())


def test_pictures_without_classes_may_come_in_splits(root):
    write_pictures(root / "train", 12)
    write_pictures(root / "val", 5)
    data = UnlabelledFolder(str(root), size=16)
    assert {split: len(data.source(split).label) for split in ("train", "val", "test")} == {
        "train": 11,
        "val": 5,
        "test": 1,
    }


@pytest.mark.parametrize(("make", "said"), [(False, "got no folder"), (True, "without pictures")])
def test_a_folder_without_pictures_is_refused(root, make, said):
    if make:
        root.mkdir()
    with pytest.raises(ValueError, match=rf"{said}.*Set data.init_args.root"):
        UnlabelledFolder(str(root)).setup("fit")


def test_the_command_line_reads_names_of_classes_and_says_the_nearest_in_plain_lines(root, tmp_path, capsys):
    write_folders(root, count=6, splits=("train",))
    flags = [
        f"--config={DIGITS}",
        "--data=datamodules.LabelledFolder",
        f"--data.init_args.root={root}",
        f"--trainer.default_root_dir={tmp_path / 'run'}",
    ]
    assert main(["predict", *flags, "--data.init_args.predict_classes=[n0000001]"]) != 0
    said = capsys.readouterr().err
    assert "got n0000001, which is neither. The nearest is n00000001. Set data.init_args.predict_classes" in said
    assert "Traceback" not in said
