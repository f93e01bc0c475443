import re

import pytest
from PIL import Image

from datamodules.folders.paired import PairedFolder
from datamodules.folders.unpaired import UnpairedFolder
from lightning_cgan.cli.lightning import main
from tests.conftest import DIGITS
from tests.datamodules.sets import put_picture, random_bytes, write_pairs, write_unpaired
from tests.translation import Negative, trainer


def folder(root, kind=PairedFolder, **options):
    return kind(str(root), **{"size": 16, "num_workers": 0, **options})


def test_every_picture_without_a_partner_is_named_with_the_nearest_name(tmp_path):
    write_pairs(tmp_path, {"train": 12, "val": 1, "test": 1}, way="train/A")
    (tmp_path / "train" / "B" / "3.png").rename(tmp_path / "train" / "B" / "3_label.png")
    (tmp_path / "train" / "B" / "7.png").unlink()
    put_picture(tmp_path / "train" / "B" / "other" / "house.png", random_bytes(0, 20, 24, 3))
    with pytest.raises(ValueError, match=r"same name without extension.*4 pictures have no partner\. Rename") as met:
        folder(tmp_path).setup("fit")
    lines = str(met.value).splitlines()[1:]
    b = tmp_path / "train" / "B"
    assert lines[:2] == [
        f"{tmp_path}/train/A/3.png has none in {b} (the nearest is 3_label)",
        f"{tmp_path}/train/A/7.png has none in {b}",
    ]
    assert lines[2].startswith(f"{b}/3_label.png has none in ")
    assert lines[3].startswith(f"{b}/other/house.png has none in ")


def test_all_of_many_pictures_without_a_partner_are_named(tmp_path):
    for number in range(150):
        put_picture(tmp_path / "train" / "A" / f"{number:03d}_A.png", random_bytes(0, 4, 4, 3))
        put_picture(tmp_path / "train" / "B" / f"{number:03d}_B.png", random_bytes(0, 4, 4, 3))
    with pytest.raises(ValueError, match="300 pictures have no partner") as met:
        folder(tmp_path).setup("fit")
    lines = str(met.value).splitlines()[1:]
    assert len(lines) == 300
    assert all(re.search(r"(\d{3})_A\.png has none .*nearest is \1_B\)", line) for line in lines[:150])


def test_a_name_that_occurs_twice_is_refused(tmp_path):
    write_pairs(tmp_path, way="trainA")
    put_picture(tmp_path / "trainB" / "2.jpg", random_bytes(0, 20, 24, 3))
    with pytest.raises(ValueError, match=r"name occurs once in a folder; got .*trainB/2\.(jpg|png) and .*2\.(png|jpg)"):
        folder(tmp_path).setup("fit")


def test_files_of_odd_width_are_named(tmp_path):
    write_pairs(tmp_path, {"train": 3, "val": 1, "test": 1})
    put_picture(tmp_path / "train" / "1.png", random_bytes(0, 20, 47, 3))
    with pytest.raises(ValueError, match=r"has an even width.*1 of 3 have an odd one.*\n.*train/1\.png: 47 x 20$"):
        folder(tmp_path).setup("fit")


def test_a_picture_is_measured_as_it_stands_upright(tmp_path):
    write_pairs(tmp_path, {"train": 3, "val": 1, "test": 1})
    lying = Image.Exif()
    lying[0x0112] = 6
    Image.fromarray(random_bytes(0, 47, 20, 3)).save(tmp_path / "train" / "0.jpg", exif=lying)
    with pytest.raises(ValueError, match=r"train/0\.jpg: 47 x 20"):
        folder(tmp_path).setup("fit")


def test_pairs_of_different_sizes_are_named(tmp_path):
    write_pairs(tmp_path, {"train": 3, "val": 1, "test": 1}, way="trainA")
    put_picture(tmp_path / "trainB" / "2.png", random_bytes(0, 20, 30, 3))
    with pytest.raises(ValueError, match=r"of one size.*1 of 3 pairs differ") as met:
        folder(tmp_path).setup("fit")
    a, b = (tmp_path / f"train{side}" / "2.png" for side in "AB")
    assert str(met.value).endswith(f"\n{a}: 24 x 20, but {b}: 30 x 20")


@pytest.mark.parametrize(("kind", "write"), [(PairedFolder, write_pairs), (UnpairedFolder, write_unpaired)])
def test_pictures_smaller_than_the_crop_are_named_where_nothing_is_resized(tmp_path, kind, write):
    data = folder(write(tmp_path), kind, size=22, resize="none")
    with pytest.raises(
        ValueError, match=r"Squares of 22 pixels.*\d of \d are smaller\. Set data\.init_args\.size, or "
    ):
        data.setup("fit")
    folder(tmp_path, kind, size=22).setup("fit")
    folder(tmp_path, kind, size=20, resize="none").setup("fit")


@pytest.mark.parametrize(("kind", "write"), [(PairedFolder, write_pairs), (UnpairedFolder, write_unpaired)])
def test_files_that_are_no_pictures_are_named(tmp_path, kind, write):
    write(tmp_path)
    path = sorted(tmp_path.glob("train*/*.png"))[1]
    path.write_text("<html>404</html>")
    with pytest.raises(
        ValueError, match=rf"must be a picture; 1 of 6 cannot .*init_args\.root\.\n.*{path.name} is none"
    ):
        folder(tmp_path, kind).setup("fit")


@pytest.mark.parametrize(
    ("kind", "names", "said"),
    [
        (PairedFolder, (), "train pictures lie in train, two side by side.*; got .* with no folder in it"),
        (PairedFolder, ("tarin", "test"), "; got .* with tarin, test"),
        (UnpairedFolder, ("train",), "train pictures lie in trainA and trainB.*; got .* with train"),
        (UnpairedFolder, ("trainA", "testA", "testB"), "got .*trainA without .*trainB"),
        (PairedFolder, ("train/A",), "got .*train/A without .*train/B"),
        (PairedFolder, ("train", "val", "test"), ".*train without pictures"),
        (UnpairedFolder, ("trainA", "trainB"), ".*trainA without pictures"),
    ],
)
def test_missing_and_empty_folders_are_named(tmp_path, kind, names, said):
    for name in names:
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(ValueError, match=rf"{said}.*[Ss]et data\.init_args\.root"):
        folder(tmp_path, kind).setup("fit")


def test_a_root_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"got no folder .*/nowhere\. Set data\.init_args\.root"):
        folder(tmp_path / "nowhere").setup("test")


def test_too_few_pictures_to_hold_any_out_are_refused(tmp_path):
    write_pairs(tmp_path, {"train": 2})
    with pytest.raises(ValueError, match=r"test and val are held out.* at least 3 are needed; .*train has 2\. Set"):
        folder(tmp_path).setup("fit")


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("size", {"size": 0}),
        ("load_size", {"load_size": 15}),
        ("load_size", {"load_size": 20, "resize": "none"}),
        ("share", {"share": 0.5}),
        ("share", {"share": 0.0}),
        ("jitter", {"jitter": 1.5}),
        ("background", {"background": (0, 0, 256)}),
        ("channels_a", {"channels_a": 4}),
        ("channels_b", {"channels_b": 2}),
        ("batch_size", {"batch_size": 0}),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_their_key(tmp_path, key, options):
    with pytest.raises(ValueError, match=rf"got .*Set data\.init_args\.{key}\."):
        folder(tmp_path, **options)


def test_before_training_all_splits_are_looked_at(tmp_path):
    write_pairs(tmp_path)
    put_picture(tmp_path / "test" / "1.png", random_bytes(0, 20, 47, 3))
    with pytest.raises(ValueError, match=r"test/1\.png: 47 x 20"):
        folder(tmp_path).prepare_data()


def test_to_score_them_test_pictures_are_enough(tmp_path):
    data = folder(write_pairs(tmp_path, {"test": 2}), channels_b=1)
    trainer(tmp_path).test(Negative(), data, verbose=False)
    assert data.reference("test").images == 2
    with pytest.raises(ValueError, match=r"The train pictures lie in .*; got .* with test\. Set"):
        trainer(tmp_path, max_steps=1).fit(Negative(), folder(tmp_path))


def test_the_command_line_says_it_in_plain_lines_before_the_first_update(tmp_path, capsys):
    flags = [f"--config={DIGITS}", "--data=datamodules.PairedFolder"]
    flags += [f"--data.init_args.root={tmp_path}", "--data.init_args.palette=facade"]
    assert main(["fit", *flags, f"--trainer.default_root_dir={tmp_path / 'run'}"]) != 0
    said = capsys.readouterr().err
    assert "got facade. The nearest is facades. Set data.init_args.palette to one, or to a list of colours." in said
    assert "Traceback" not in said
