import pytest
import torch
from torch import nn, tensor

from lightning_cgan.losses.penalties import gradient_penalty, r1_penalty, slopes

WEIGHT = tensor([0.3, -0.4], dtype=torch.float64)
REAL = tensor([[0.5, -1.0], [1.0, 2.0]], dtype=torch.float64)
FAKE = tensor([[-0.5, 0.0], [0.0, 1.0]], dtype=torch.float64)
MIX = tensor([0.25, 0.5], dtype=torch.float64)


def quadratic(x):
    return x @ WEIGHT + x.square().sum(1) / 2


def test_the_penalty_has_the_values_of_the_test_vectors():
    assert 10 * gradient_penalty(quadratic, REAL, FAKE, MIX).item() == pytest.approx(1.2543270861, abs=1e-9)
    assert 10 * gradient_penalty(quadratic, REAL, FAKE, MIX, gamma=750).item() == pytest.approx(9.9731926583, abs=1e-9)


def test_norms_are_each_points_own():
    point = tensor([[-0.25, -0.25], [0.5, 1.5]], dtype=torch.float64)
    assert slopes(quadratic, point).tolist() == pytest.approx([0.6519202405, 1.3601470509], abs=1e-9)


@pytest.mark.parametrize(("slope", "penalty"), [(1.0, 0.0), (3.0, 4.0)])
def test_a_linear_critic_is_punished_for_its_slope(slope, penalty):
    direction = torch.zeros(3, 4, 4)
    direction[0, 0, 0] = slope
    real, fake = torch.randn(2, 5, 3, 4, 4)
    assert gradient_penalty(lambda x: (x * direction).sum((1, 2, 3)), real, fake).item() == pytest.approx(penalty)
    assert r1_penalty(lambda x: (x * direction).sum((1, 2, 3)), real).item() == pytest.approx(slope**2 / 2)


def test_each_point_lies_on_its_own_line_from_fake_to_real():
    seen = []
    real, fake = torch.ones(64, 1, 2, 2), torch.zeros(64, 1, 2, 2)
    gradient_penalty(lambda x: seen.append(x) or x.sum((1, 2, 3)), real, fake)
    point = seen[0].detach()
    assert torch.equal(point, point[:, :, :1, :1].expand_as(point))  # one share for all pixels of an image
    assert len(point[:, 0, 0, 0].unique()) == 64
    assert 0 <= point.min() < 0.2 < 0.8 < point.max() <= 1


def test_a_flat_critic_has_a_finite_gradient():
    layer = nn.Linear(4, 1)
    nn.init.zeros_(layer.weight)
    gradient_penalty(
        lambda x: layer(x.flatten(1)).squeeze(1), torch.randn(3, 1, 2, 2), torch.randn(3, 1, 2, 2)
    ).backward()
    assert layer.weight.grad.isfinite().all()


def test_mixed_precision_does_not_reach_the_penalty():
    layer, seen = nn.Linear(4, 1), []
    with torch.autocast("cpu", torch.bfloat16):
        penalty = gradient_penalty(
            lambda x: seen.append(layer(x.flatten(1))) or seen[0].squeeze(1),
            torch.randn(3, 1, 2, 2),
            torch.randn(3, 1, 2, 2),
        )
    assert seen[0].dtype == penalty.dtype == torch.float32


def test_the_generator_gets_no_gradient_from_it():
    fake = torch.randn(3, 1, 2, 2, requires_grad=True)
    layer = nn.Linear(4, 1)
    gradient_penalty(lambda x: layer(x.flatten(1)).squeeze(1).square(), torch.randn(3, 1, 2, 2), fake).backward()
    assert fake.grad is None
    assert layer.weight.grad.any()
