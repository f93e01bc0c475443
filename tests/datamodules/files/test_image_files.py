import os
import unicodedata
import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

from datamodules.core.order import SampleIndex
from datamodules.files.image_files import WHOLE, Decoding, Files, Scan, class_folders, digest_of, is_folder, nearest
from lightning_cgan.errors import UserError
from tests.datamodules.sets import random_bytes


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def put(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(random_bytes(seed, 8, 8, 3)).save(path, format="PNG")
    return path


def scan(root, *names):
    """Names of the pictures that are found, a list for each folder."""
    found = Scan([root / name for name in names] or [root]).found
    return [[os.path.relpath(path, root) for path in files] for files in found]


def test_pictures_are_found_at_any_depth_in_the_order_of_their_bytes(tmp_path):
    for name in ("b.png", "a/b/c.JPEG", "a/10.png", "a/9.png", "A.webp"):
        put(tmp_path / name)
    assert scan(tmp_path) == [["A.webp", "a/10.png", "a/9.png", "a/b/c.JPEG", "b.png"]]


def test_what_is_hidden_is_left_out_without_a_word(tmp_path):
    for name in (".DS_Store", ".thumbnails/a.png", "a/.b.png", "c.png"):
        put(tmp_path / name)
    assert scan(tmp_path) == [["c.png"]]


def test_what_is_no_picture_by_its_name_is_left_out_and_it_is_said(tmp_path):
    for name in ("b.txt", "a/Thumbs.db", "c.png"):
        put(tmp_path / name)
    with pytest.warns(UserWarning, match=r"2 files are left out because their names.*The first is .*Thumbs\.db"):
        assert scan(tmp_path) == [["c.png"]]


ODD = ["é.png", unicodedata.normalize("NFD", "ü.png"), "😀.png", "\u202eabc.png", "a\nb.png", " .png", "-rf.png",
       "x" * 251 + ".png", os.fsdecode(b"\xff\xfe.png"), "a b;$(c).png"]  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_files_of_odd_names_are_found_read_and_hashed(tmp_path, name):
    put(tmp_path / name)
    ((found,),) = scan(tmp_path)
    assert os.fsencode(found) == os.fsencode(name)
    files = Files(tmp_path, [str(tmp_path / found)], torch.zeros(1, dtype=torch.int64), Decoding(8)).check()
    assert torch.equal(files.images(at(0))[0], torch.from_numpy(random_bytes(0, 8, 8, 3)).permute(2, 0, 1))
    assert len(files.sha256()) == 64


def test_a_file_is_found_once_however_many_links_lead_to_it(tmp_path):
    put(tmp_path / "a" / "x.png")
    put(tmp_path / "b" / "y.png")
    (tmp_path / "a" / "back").symlink_to("..")
    (tmp_path / "a" / "same.png").symlink_to("x.png")
    (tmp_path / "a" / "other").symlink_to("../b")
    (tmp_path / "b" / "round").symlink_to("../a/back")
    os.link(tmp_path / "b" / "y.png", tmp_path / "b" / "z.png")
    a, b = scan(tmp_path, "a", "b")
    assert a == ["a/x.png"]
    assert b in (["b/y.png"], ["b/z.png"])
    assert len(scan(tmp_path)[0]) == 2


def test_a_picture_belongs_to_the_folder_it_lies_in_and_not_to_one_that_links_to_it(tmp_path):
    put(tmp_path / "b" / "y.png")
    put(tmp_path / "a" / "x.png")
    (tmp_path / "a" / "y.png").symlink_to("../b/y.png")
    assert scan(tmp_path, "a", "b") == [["a/x.png"], ["b/y.png"]]


def test_links_are_followed_inside_a_set(tmp_path):
    put(tmp_path / "pool" / "x.png", 1)
    put(tmp_path / "pool" / "deep" / "y.png", 2)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").symlink_to("../pool/x.png")
    (tmp_path / "a" / "more").symlink_to("../pool/deep")
    assert scan(tmp_path, "a") == [["a/1.png", "a/more/y.png"]]


def test_links_are_followed_wherever_they_lead_and_it_is_said_where_that_is_nowhere(tmp_path):
    root = tmp_path / "root"
    put(root / "x.png")
    put(tmp_path / "disk" / "y.png")
    put(tmp_path / "disk2" / "deep" / "z.png")
    (root / "out").symlink_to("../disk")
    (root / "out2").symlink_to(tmp_path / "disk2" / "deep")
    (root / "gone.png").symlink_to("nothing.png")
    (root / "loop").symlink_to("loop")
    with pytest.warns(UserWarning, match=r"2 files are left out because they are broken links"):
        assert scan(root) == [["out/y.png", "out2/z.png", "x.png"]]


def test_a_folder_may_itself_be_a_link_to_another_disk(tmp_path):
    put(tmp_path / "disk" / "deep" / "y.png")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "train").symlink_to(tmp_path / "disk")
    assert scan(tmp_path / "root", "train") == [["train/deep/y.png"]]


def test_links_that_lead_round_in_circles_are_followed_once(tmp_path):
    root, disk = tmp_path / "root", tmp_path / "disk"
    put(root / "val" / "v.png")
    for name in ("a/1.png", "b/2.png"):
        put(disk / "pool" / name)
    put(disk / "private.png")
    (root / "train").symlink_to(disk / "pool")
    (disk / "pool" / "up").symlink_to(disk)  # above itself: private.png is none of the set
    (disk / "pool" / "back").symlink_to(root)  # above the folder that was asked for
    (disk / "pool" / "a" / "b").symlink_to("../b")
    (disk / "pool" / "b" / "a").symlink_to("../a")
    assert scan(root, "train") == [["train/a/1.png", "train/b/2.png"]]


def test_what_one_link_leads_to_may_hold_what_another_led_to(tmp_path):
    root = tmp_path / "root"
    for name in ("a/1.png", "b/2.png"):
        put(tmp_path / "pool" / name)
    root.mkdir()
    (root / "all").symlink_to("../pool")
    (root / "a").symlink_to("../pool/a")
    assert scan(root) == [["a/1.png", "all/b/2.png"]]


def test_pictures_and_links_to_them_have_one_hash(tmp_path):
    for number in range(2):
        put(tmp_path / "disk" / f"{number}.png", number)
        put(tmp_path / "copied" / "train" / f"{number}.png", number)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "train").symlink_to("../disk")
    files = [
        Files(root, Scan([root / "train"]).found[0], torch.zeros(2, dtype=torch.int64), Decoding(8))
        for root in (tmp_path / "copied", tmp_path / "linked")
    ]
    assert len({one.sha256() for one in files}) == len({tuple(one.digests()) for one in files}) == 1


def test_a_class_folder_or_a_split_that_is_a_link_to_nothing_is_refused(tmp_path):
    put(tmp_path / "a" / "x.png")
    (tmp_path / "b").symlink_to("/disk/that/is/not/mounted")
    with pytest.raises(UserError, match=r"/b to /disk/that/is/not/mounted, which does not\. Mount its disk"):
        class_folders(tmp_path)
    with pytest.raises(UserError, match="which does not"):
        is_folder(tmp_path / "b" / "train")


def test_a_digest_is_of_the_whole_of_a_small_file_and_of_both_ends_and_the_middle_of_a_large_one(tmp_path):
    path = tmp_path / "x"
    for size in (0, 10, WHOLE, WHOLE + 1, 3 * WHOLE):
        content = random_bytes(size, size).tobytes()
        seen = set()
        for place in {0, size // 2, size - 1} if size else ():
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            seen.add(digest_of(str(path)))
        path.write_bytes(content)
        assert len(seen | {digest_of(str(path))}) == (4 if size else 1)


def test_the_root_itself_may_be_a_link(tmp_path):
    put(tmp_path / "real" / "a" / "x.png")
    (tmp_path / "link").symlink_to("real")
    assert scan(tmp_path / "link", "a") == [["a/x.png"]]


def test_class_folders_are_in_order_and_hidden_ones_and_files_are_none(tmp_path):
    for name in ("b/x.png", "a/x.png", ".c/x.png", "d.png"):
        put(tmp_path / name)
    assert class_folders(tmp_path) == ["a", "b"]
    assert class_folders(tmp_path / "nowhere") == []


def at(*places):
    index = torch.tensor(places, dtype=torch.int64)
    return SampleIndex(torch.zeros_like(index), index)


def strip(path):
    """A picture of 90 x 30: red, blue and red squares."""
    picture = Image.new("RGB", (90, 30), "red")
    picture.paste((0, 0, 255), (30, 0, 60, 30))
    picture.save(path)
    return str(path)


def test_files_are_cut_to_the_centre_and_resized(tmp_path):
    files = Files(tmp_path, [strip(tmp_path / "x.png")], torch.tensor([0]), Decoding(16))
    index = torch.zeros(2, 1, dtype=torch.int64)
    image = files.images(SampleIndex(index, index))
    assert image.shape == (2, 1, 3, 16, 16)
    assert image.dtype == torch.uint8
    assert image[:, 0, 2].min() == 255
    assert image[:, 0, 0].max() == 0
    assert files.images(at()).shape == (0, 3, 16, 16)


def test_a_cut_of_a_given_side_is_that_many_pixels_of_the_file(tmp_path):
    blue = Decoding(10, crop=10)(strip(tmp_path / "x.png"))
    assert torch.equal(blue, torch.tensor([0, 0, 255], dtype=torch.uint8)[:, None, None].expand(3, 10, 10))


def test_the_hash_is_of_names_labels_contents_and_the_way_of_decoding(tmp_path):
    paths = [str(put(tmp_path / name, seed)) for seed, name in enumerate(("a.png", "b.png"))]
    label = torch.tensor([0, 1])
    same = Files(tmp_path, paths, label, Decoding(8)).sha256()
    assert Files(tmp_path, paths, label, Decoding(8)).sha256() == same
    others = [
        Files(tmp_path, paths[:1], label[:1], Decoding(8)),
        Files(tmp_path, paths, label.flip(0), Decoding(8)),
        Files(tmp_path, paths, label, Decoding(16)),
    ]
    assert len({same, *(other.sha256() for other in others)}) == 4
    before = Path(paths[0]).read_bytes()
    Path(paths[0]).write_bytes(before[:-1] + bytes([before[-1] ^ 1]))  # of the same size
    assert Files(tmp_path, paths, label, Decoding(8)).sha256() != same
    Path(paths[0]).write_bytes(before)
    assert Files(tmp_path, paths, label, Decoding(8)).sha256() == same  # whenever it was written


def test_five_of_the_files_that_cannot_be_used_are_named_before_anything_is_decoded(tmp_path):
    paths = [str(put(tmp_path / f"{number}.png")) for number in range(10)]
    for path in paths[3:]:
        Path(path).write_text("<html>")
    with pytest.raises(ValueError, match=r"7 of 10 that were checked in .* set data.init_args.root") as met:
        Files(tmp_path, paths, torch.zeros(10), Decoding(8)).check()
    assert str(met.value).count("is none of them") == 5


def test_of_a_large_set_pictures_from_all_over_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr("datamodules.files.image_files.CHECKED", 3)
    paths = [str(put(tmp_path / f"{number}.png")) for number in range(9)]
    Path(paths[6]).write_text("<html>")
    with pytest.raises(ValueError, match=r"1 of 3 that were checked"):
        Files(tmp_path, paths, torch.zeros(9), Decoding(8)).check()
    Path(paths[6]).unlink()
    put(tmp_path / "6.png")
    Path(paths[5]).write_text("<html>")
    files = Files(tmp_path, paths, torch.zeros(9), Decoding(8)).check()
    with pytest.raises(ValueError, match=r"5\.png is none of them"):
        files.images(at(4, 5))


def test_the_nearest_name_is_told_and_only_a_near_one():
    assert nearest("smilling", ["Male", "Smiling"]) == " The nearest is Smiling."
    assert nearest("zebra", ["Male", "Smiling"]) == ""
