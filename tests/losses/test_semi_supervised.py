import pytest
import torch
from torch.nn.functional import cross_entropy

from lightning_cgan.losses.semi_supervised import (
    GeneratorLoss,
    feature_matching,
    feature_matching_l1,
    feature_matching_sum,
    non_saturating,
    real_logit,
    supervised_loss,
    unsupervised_loss,
)


def vector(values):
    return torch.tensor(values, dtype=torch.float64)


LABELLED, LABEL = vector([[1, -0.5, 0.25], [0.3, 2, -1]]), torch.tensor([0, 1])
UNLABELLED = vector([[0.6, -0.2, 0.1], [-1, 0.5, 1.5]])
FAKE = vector([[-0.7, 0.2, -1.1], [0.4, -2, 0]])
REAL_FEATURES, FAKE_FEATURES = vector([[1, 2], [3, -1]]), vector([[0, 1.5], [0.5, 1]])


def near(value):
    return pytest.approx(value, abs=1e-9)


def test_the_losses_have_the_values_computed_by_hand():
    assert supervised_loss(LABELLED, LABEL).item() == near(0.3684982552)
    assert unsupervised_loss(UNLABELLED, FAKE).item() == near(0.6959053855)
    assert 2 * unsupervised_loss(UNLABELLED, FAKE).item() == near(1.3918107709)
    whole = supervised_loss(LABELLED, LABEL) + unsupervised_loss(UNLABELLED, FAKE)
    assert whole.item() == near(1.0644036407)
    assert non_saturating(FAKE).item() == near(0.3598554987)
    assert real_logit(FAKE).sigmoid().tolist() == [near(0.6722234780), near(0.7243022074)]
    assert torch.nn.functional.softplus(real_logit(FAKE)).mean().item() == near(1.2019366028)


def test_features_are_matched_in_the_mean_in_three_ways():
    assert feature_matching(REAL_FEATURES, FAKE_FEATURES).item() == near(1.8125)
    assert feature_matching_sum(REAL_FEATURES, FAKE_FEATURES).item() == near(3.6250)
    assert feature_matching_l1(REAL_FEATURES, FAKE_FEATURES).item() == near(1.2500)


def test_a_choice_of_the_generators_loss_is_that_loss():
    def chosen(name):
        return GeneratorLoss[name](REAL_FEATURES, FAKE_FEATURES, FAKE).item()

    assert chosen("feature_matching") == near(1.8125)
    assert chosen("feature_matching_sum") == near(3.6250)
    assert chosen("feature_matching_l1") == near(1.2500)
    assert chosen("non_saturating") == near(0.3598554987)


def test_the_discriminator_is_the_softmax_with_one_more_class_of_logit_zero():
    logits = torch.randn(6, 4, dtype=torch.float64)
    more = torch.cat([logits, torch.zeros(6, 1, dtype=torch.float64)], 1)
    fake = torch.full((6,), 4)
    log_real = torch.log1p(-more.softmax(1)[:, -1]).mean().item()
    expected = (-log_real + cross_entropy(more, fake).item()) / 2
    assert unsupervised_loss(logits, logits).item() == near(expected)


def test_logits_whose_exponentials_overflow_have_finite_losses_and_gradients():
    logits = torch.tensor([[200.0, -200.0], [-200.0, -300.0]], requires_grad=True)
    loss = unsupervised_loss(logits, logits) + non_saturating(logits)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
