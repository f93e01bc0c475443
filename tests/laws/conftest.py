import logging

import pytest


@pytest.fixture(autouse=True)
def quiet():
    """Lightning says of every Trainer which accelerators there are."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/laws/" in item.path.as_posix():
            item.add_marker(pytest.mark.filterwarnings("ignore"))
