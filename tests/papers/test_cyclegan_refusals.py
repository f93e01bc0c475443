import pytest
import torch

from lightning_cgan.batches import PairSpec
from tests.papers.test_cyclegan import model


def test_without_padding_sizes_that_the_generators_cannot_take_are_refused():
    with pytest.raises(ValueError, match="got 8x10"):
        model(pad=False)(torch.rand(1, 3, 8, 10))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"identity_weight": 0.5}, "met 3 and 1. Set model.init_args.identity_weight to 0"),
        ({"identity_weight": -1.0}, "identity_weight"),
        ({"identity_weight": 0.5, "cycle_weight_a": 0.0, "cycle_weight_b": 0.0}, "or a cycle weight"),
        ({"cycle_weight_a": -1.0}, "cycle_weight_a"),
        ({"pool_size": -1}, "pool_size"),
        ({"spec": PairSpec(3, 3, 32, scale=4)}, "4 times larger"),
        ({"spec": PairSpec(3, 3, 10), "pad": False}, "multiples of 4; got 10x10"),
        ({"spec": PairSpec(3, 3, 5)}, "6 pixels and more; the data have 5"),
    ],
)
def test_what_cannot_be_trained_is_refused_when_it_is_built(options, told):
    with pytest.raises(ValueError, match=told):
        model(**options)
