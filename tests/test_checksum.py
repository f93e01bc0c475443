import io
import random
import zipfile

import pytest
import torch

from lightning_cgan import checksum
from tests.runs.kills import state


@pytest.fixture(scope="module")
def saved():
    file = io.BytesIO()
    checksum.save(state(3, size=2000), file)
    return file.getvalue()


def is_noticed(data):
    try:
        return not checksum.check(io.BytesIO(data))
    except checksum.DamagedFile:
        return True


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_what_is_saved_verifies_and_any_reader_of_checkpoints_reads_it(saved, tmp_path):
    assert checksum.check(io.BytesIO(saved))
    assert torch.load(io.BytesIO(saved), weights_only=True)["global_step"] == 3
    (tmp_path / "x.ckpt").write_bytes(saved)
    assert torch.load(tmp_path / "x.ckpt", weights_only=True, mmap=True)["global_step"] == 3
    assert zipfile.ZipFile(tmp_path / "x.ckpt").testzip() is None
    content, sealed = checksum.load(tmp_path / "x.ckpt")
    assert sealed
    assert content["state_dict"]["weight"].eq(3).all()


def test_every_one_of_200_changed_bits_is_noticed(saved):
    draw = random.Random(0)
    bits = [draw.randrange(8 * len(saved)) for _ in range(200)]
    assert all(is_noticed(flipped(saved, bit)) for bit in bits)


def test_every_changed_bit_of_the_checksum_itself_is_noticed(saved):
    for bit in range(8 * (len(saved) - 120), 8 * len(saved)):
        assert is_noticed(flipped(saved, bit))


def test_all_blocks_of_a_file_count(saved, monkeypatch):
    monkeypatch.setattr(checksum, "BLOCK", 1000)
    assert checksum.check(io.BytesIO(saved))
    assert all(is_noticed(flipped(saved, 8 * byte)) for byte in range(0, len(saved) - 74, 500))


def test_a_file_that_ends_too_early_or_too_late_is_noticed(saved):
    for length in (
        0,
        1,
        21,
        22,
        73,
        len(saved) // 2,
        len(saved) - 74,
        len(saved) - 73,
        len(saved) - 71,
        len(saved) - 1,
    ):
        assert is_noticed(saved[:length])
    assert is_noticed(saved + b"\0")


def test_a_file_without_checksum_is_read_and_its_parts_are_checked():
    file = io.BytesIO()
    torch.save(state(3, size=2000), file)
    assert not checksum.check(file)
    weights = file.getvalue().index(torch.full((4,), 3.0).numpy().tobytes())
    with pytest.raises(checksum.DamagedFile):
        checksum.check(io.BytesIO(flipped(file.getvalue(), 8 * weights)))


def test_a_file_of_another_kind_is_no_checkpoint(tmp_path):
    (tmp_path / "x.ckpt").write_text("# Not a checkpoint\n" * 20)
    with pytest.raises(checksum.DamagedFile, match="no checkpoint"):
        checksum.load(tmp_path / "x.ckpt")
