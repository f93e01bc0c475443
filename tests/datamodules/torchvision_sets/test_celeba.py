import os

import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as F

from datamodules.core.order import SampleIndex
from datamodules.torchvision_sets.celeba import ATTRIBUTES, CelebA
from lightning_cgan.batches import ImageSpec
from tests.datamodules.sets import write_celeba


def places(*index):
    index = torch.tensor(index)
    return SampleIndex(torch.zeros_like(index), index)


def test_the_splits_are_the_official_ones(tmp_path):
    data = CelebA(root=str(write_celeba(tmp_path)))
    data.prepare_data()
    parts = [data.source(split) for split in ("train", "val", "test")]
    assert [len(part.label) for part in parts] == [24, 8, 8]
    assert [os.path.basename(part.path[0]) for part in parts] == ["000001.jpg", "000025.jpg", "000033.jpg"]


def test_attributes_make_classes_of_which_each_adds_a_power_of_two(tmp_path):
    root = str(write_celeba(tmp_path))
    both, one, none = (CelebA(root=root, attributes=names) for names in (["Smiling", "Male"], ["Male"], []))
    assert [data.spec.num_classes for data in (both, one, none)] == [4, 2, 0]
    assert both.source("train").label.tolist() == [place % 4 for place in range(24)]
    assert one.source("train").label.tolist() == [place // 2 % 2 for place in range(24)]
    assert not none.source("train").label.any()
    assert both.reference("test").sha256 != one.reference("test").sha256


@pytest.mark.parametrize("crop", [178, 148])
def test_faces_are_cut_from_the_centre(tmp_path, crop):
    data = CelebA(root=str(write_celeba(tmp_path)), size=crop, crop=crop)
    assert data.spec == ImageSpec(3, crop, 0)
    picture = F.pil_to_tensor(Image.open(tmp_path / "celeba" / "img_align_celeba" / "000033.jpg"))
    left, top = (178 - crop) // 2, (218 - crop) // 2
    face = data.source("test").images(places(0))[0]
    assert torch.equal(face, picture[:, top : top + crop, left : left + crop])


def test_only_training_faces_are_mirrored(tmp_path):
    root = str(write_celeba(tmp_path))
    plain, mirrored = CelebA(root=root, size=16), CelebA(root=root, size=16, flip=True)
    at = places(*range(8))
    assert not torch.equal(plain.source("train").images(at), mirrored.source("train").images(at))
    assert torch.equal(plain.source("val").images(at), mirrored.source("val").images(at))


def test_unknown_attributes_are_refused_with_the_nearest(tmp_path):
    with pytest.raises(ValueError, match=r"got smilling. The nearest is Smiling. Set data.init_args.attributes"):
        CelebA(attributes=["Male", "smilling"])
    with pytest.raises(ValueError, match=r"each named once; got Male. Set"):
        CelebA(attributes=["Male", "Male"])


def test_a_cut_beyond_the_picture_is_refused():
    with pytest.raises(ValueError, match=r"178 pixels wide; got a cut of 200. Set data.init_args.crop"):
        CelebA(crop=200)


def test_a_set_that_is_not_there_is_answered_with_the_command_to_get_it(tmp_path):
    with pytest.raises(ValueError, match=rf"list_attr_celeba.*import CelebA; CelebA\('{tmp_path}', download=True\)"):
        CelebA(root=str(tmp_path)).prepare_data()


def test_a_class_that_no_face_belongs_to_is_refused(tmp_path):
    root = str(write_celeba(tmp_path))
    with pytest.raises(ValueError, match=r"no face is not Smiling, Bald. Set data.init_args.attributes to fewer"):
        CelebA(root=root, attributes=["Smiling", "Bald"]).setup("fit")


def test_missing_pictures_are_counted_and_named(tmp_path):
    folder = write_celeba(tmp_path) / "celeba" / "img_align_celeba"
    (folder / "000003.jpg").unlink()
    (folder / "000007.jpg").unlink()
    with pytest.raises(ValueError, match=r"the 24 pictures of the train split; 2 are missing, 000003.jpg among them"):
        CelebA(root=str(tmp_path)).setup("fit")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines[:10] + lines[11:], r"1 have none, 000009.jpg among them"),
        (lambda lines: [*lines[:10], lines[10][:-3], *lines[11:]], r"have 41 words; line 11 has 40"),
        (lambda lines: [lines[0], "Smile " + lines[1], *lines[2:]], r"must name CelebA's 40 attributes"),
        (lambda lines: [], r"must name CelebA's 40 attributes"),
    ],
)
def test_a_damaged_list_of_attributes_is_refused(tmp_path, change, said):
    path = write_celeba(tmp_path) / "celeba" / "list_attr_celeba.txt"
    path.write_text("\n".join(change(path.read_text().splitlines())))
    with pytest.raises(ValueError, match=said):
        CelebA(root=str(tmp_path), attributes=["Male"]).setup("fit")


def test_lists_saved_on_windows_are_read_alike(tmp_path):
    root = write_celeba(tmp_path)
    plain = CelebA(root=str(root), attributes=["Male"]).source("val").label
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        path = root / "celeba" / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert torch.equal(CelebA(root=str(root), attributes=["Male"]).source("val").label, plain)


def test_the_columns_are_found_by_name(tmp_path):
    root = write_celeba(tmp_path)
    path = root / "celeba" / "list_attr_celeba.txt"
    count, header, *rows = path.read_text().splitlines()
    assert header.split() == list(ATTRIBUTES)
    turned = [" ".join([row.split()[0], *row.split()[:0:-1]]) for row in rows]
    path.write_text("\n".join([count, " ".join(header.split()[::-1]), *turned]))
    label = CelebA(root=str(root), attributes=["Smiling"]).source("train").label
    assert label.tolist() == [place % 2 for place in range(24)]
