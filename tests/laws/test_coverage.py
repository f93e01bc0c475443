"""Which papers each law covers, so that none is left out unseen; a new paper may be added to any of them."""

import pytest

from tests.laws import (
    test_averages,
    test_batches,
    test_evaluation,
    test_generated,
    test_logged,
    test_loss_weights,
    test_optimizers,
    test_state,
)
from tests.laws.subjects import CASES, classes, every_paper, trace

ALL = {paper.__name__ for paper in every_paper()}
CONDITIONAL = {"ConditionalGAN", "ACGAN", "ProjectionGAN", "ProGAN"}
SEMI_SUPERVISED = {"SGAN", "SupervisedBaseline"}
SEVERAL_UPDATES = {"GAN", "WGAN", "WGANGP", "ConditionalGAN", "ACGAN", "ProjectionGAN", "ProjectionSuperResolution"}
ADVERSARIAL = SEVERAL_UPDATES | {"ProGAN", "SGAN", "Pix2Pix", "CycleGAN", "DiscoGAN", "SRGAN"}
NOISE = SEVERAL_UPDATES | {"ProGAN", "SGAN"}
COVERED = {
    "a checkpoint is all there is": (test_state.SAVED, ALL),
    "an update is a function of seed, update and rank": (test_state.EACH, ALL),
    "optimizers and schedules": (CASES, ALL),
    "independent roles": (test_optimizers.PAIRS, ADVERSARIAL),
    "each discriminator update has a batch": (test_batches.SEVERAL, SEVERAL_UPDATES),
    "every image counts": (test_batches.EACH, ALL),
    "labels count": (test_batches.LABELLED, CONDITIONAL | SEMI_SUPERVISED),
    "labels do not count": (
        test_batches.UNLABELLED,
        {"GAN", "WGAN", "WGANGP", "ProGAN", "ProjectionSuperResolution", "StyleTransfer"},
    ),
    "sizes": (test_generated.GENERATING, NOISE),
    "size of the generator's batch": (
        test_generated.WITH_RATIO,
        {"ConditionalGAN", "ACGAN", "ProjectionGAN", "WGANGP"},
    ),
    "logits": (test_logged.TELLING, ADVERSARIAL),
    "averages": (test_averages.AVERAGED, {"ProGAN", "SGAN"}),
    "evaluation": (test_evaluation.EVALUATED, ALL),
    "images of noise ids": (test_evaluation.DRAWN_BY_SEED, NOISE - {"ProjectionSuperResolution"}),
}


def test_every_paper_is_found():
    assert classes(CASES) == ALL


@pytest.mark.parametrize("law", COVERED)
def test_a_law_covers_its_papers(law):
    cases, papers = COVERED[law]
    assert classes(cases) >= papers


def test_the_weights_of_losses_are_covered():
    assert {paper.__name__ for paper, _ in test_loss_weights.WEIGHTS} >= {
        *("GAN", "ConditionalGAN", "ACGAN", "ProjectionGAN", "WGANGP", "ProGAN", "SGAN"),
        *("Pix2Pix", "CycleGAN", "DiscoGAN", "SRGAN", "StyleTransfer"),
    }
    assert len(test_loss_weights.WEIGHTS) >= 23


def test_papers_that_log_logits_are_those_with_a_discriminator():
    for name in test_state.EACH:
        assert ({"d_real", "d_fake"} <= trace(name).logged[-1].keys()) == (name in test_logged.TELLING)
