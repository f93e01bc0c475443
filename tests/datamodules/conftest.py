import pytest


@pytest.fixture
def file(tmp_path):
    """Writes a file, from bytes or by Pillow, and gives its path."""

    def write(content, name="picture.png", **saving):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.save(path, **saving)
        return path

    return write
