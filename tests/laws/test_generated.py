"""How many images an update generates, and with which labels."""

import pytest

from lightning_cgan.papers.kinds import Generating
from tests.laws.subjects import CASES, Training, first_of_each, names, takes

GENERATING = first_of_each(names(lambda name: issubclass(CASES[name].model.func, Generating)))
WITH_RATIO = first_of_each(names(lambda name: takes("g_batch_ratio")(name) and len(CASES[name].batches[0][0]) > 1))


def sizes(name, **options):
    """The batch sizes of the generator in the first update."""
    training, found = Training(name, double=False, **options), []
    training.paper.generator.register_forward_pre_hook(lambda _, inputs: found.append(len(inputs[0])))
    training.update()
    return found


@pytest.mark.parametrize("name", WITH_RATIO)
def test_the_generators_batch_is_a_multiple_of_the_real_one(name):
    batch = CASES[name].batches[0].image
    count, size = batch.shape[:2]
    assert sizes(name, g_batch_ratio=3) == [size] * count + [3 * size]


@pytest.mark.parametrize("name", GENERATING)
def test_as_many_images_are_generated_for_the_discriminator_as_there_are_real_ones(name):
    count, size = CASES[name].batches[0].image.shape[:2]
    assert sizes(name)[:count] == [size] * count
