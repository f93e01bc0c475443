from pathlib import Path

import pytest

import datamodules
import lightning_cgan.callbacks
import lightning_cgan.extractors
import lightning_cgan.papers
import lightning_cgan.schedules
from datamodules.embedded.digits import Digits
from lightning_cgan.short_names import DEFINED, import_name, sources

PACKAGES = [datamodules, lightning_cgan.callbacks, lightning_cgan.extractors, lightning_cgan.papers]
PACKAGES += [lightning_cgan.schedules]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_name_that_a_package_lists_can_be_imported_from_it(package):
    for name in dir(package):
        assert getattr(package, name).__name__ == name


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_no_two_modules_of_a_package_define_a_class_of_one_name(package):
    texts = [text for _, text in sources(package.__name__, Path(package.__path__[0]))]
    classes = [name for text in texts for name in DEFINED.findall(text) if name[0].isupper()]
    assert sorted(classes) == sorted(set(classes))


def test_a_class_is_named_as_briefly_as_it_can_be_imported():
    class Own:
        pass

    assert datamodules.Digits is Digits
    assert import_name(Digits) == "datamodules.Digits"
    assert import_name(Own).endswith("test_a_class_is_named_as_briefly_as_it_can_be_imported.<locals>.Own")


def test_a_name_that_no_file_defines_is_no_attribute():
    with pytest.raises(AttributeError, match=r"module 'datamodules' has no attribute 'Digit'"):
        _ = datamodules.Digit
