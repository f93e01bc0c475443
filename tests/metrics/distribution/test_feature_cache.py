import multiprocessing
from pathlib import Path

import pytest
import torch

from lightning_cgan.batches import Reference
from lightning_cgan.disk_cache import cache_folder, cached
from lightning_cgan.metrics.distribution.feature_cache import path_of, read_features, write_features
from tests.metrics.colours import Colours

CPU = torch.device("cpu")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "features" / "some.safetensors"


@pytest.fixture
def features():
    return torch.randn(20, 6, generator=torch.Generator().manual_seed(0))


def test_what_is_written_is_read_to_the_bit(path, features):
    write_features(path, features)
    assert torch.equal(read_features(path, 20), features)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_features_of_another_number_of_images_are_not_taken(path, features):
    write_features(path, features)
    assert read_features(path, 21) is None


def test_a_file_that_is_missing_cut_or_changed_is_not_taken(path, features):
    assert read_features(path, 20) is None
    write_features(path, features)
    whole = path.read_bytes()
    for damaged in (
        whole[:-1],
        whole[: len(whole) // 2],
        b"",
        b"<html>",
        whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:],
    ):
        path.write_bytes(damaged)
        assert read_features(path, 20) is None


def test_where_nothing_can_be_written_a_warning_says_so(tmp_path, features):
    (tmp_path / "file").write_text("not a folder")
    with pytest.warns(UserWarning, match="cannot be cached"):
        write_features(tmp_path / "file" / "some.safetensors", features)


def write_often(path, seed):
    features = torch.randn(2_000, 64, generator=torch.Generator().manual_seed(seed))
    for _ in range(40):
        write_features(Path(path), features)


def test_two_processes_that_write_at_once_leave_one_whole_file(path):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_often, args=(path, seed)) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    met = 0
    while any(writer.is_alive() for writer in writers):
        if path.is_file():
            assert read_features(path, 2_000) is not None
            met += 1
    assert all(writer.exitcode == 0 for writer in writers)
    assert met
    assert len(list(path.parent.iterdir())) == 1


def test_the_file_depends_on_all_that_changes_its_content(monkeypatch):
    images, names = Reference("val", 3, "a"), set()
    for attribute in (None, "name", "resize", "sha256"):
        extractor = Colours()
        setattr(extractor, attribute or "other", "1" * 64)
        names.add(path_of(images, extractor, CPU))
    names.add(path_of(images._replace(sha256="b"), Colours(), CPU))
    names.add(path_of(images, Colours(), torch.device("cuda", 1)))
    monkeypatch.setattr(torch, "__version__", "1.0.0")
    names.add(path_of(images, Colours(), CPU))
    assert len(names) == 7
    monkeypatch.undo()
    assert path_of(images._replace(split="test"), Colours(), CPU) in names  # the same images by another name


def test_the_folder_is_the_users_choice(monkeypatch):
    monkeypatch.setenv("LIGHTNING_CGAN_CACHE", "/some/where")
    assert cache_folder() == Path("/some/where")
    monkeypatch.delenv("LIGHTNING_CGAN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/home/cache")
    assert cache_folder() == Path("/home/cache/lightning_cgan")


def test_what_is_remembered_is_computed_once(tmp_path, monkeypatch):
    monkeypatch.setenv("LIGHTNING_CGAN_CACHE", str(tmp_path))
    answers = iter(["first", "second"])
    assert [cached("a", lambda: next(answers)) for _ in range(2)] == ["first", "first"]
    assert cached("b", lambda: next(answers)) == "second"
