"""What an update logs is what its name says."""

import pytest
import torch

from tests.laws.subjects import CASES, Training, descending, first_of_each, names, optimizer_arguments, trace

TOTALS = {  # by paper and role, the loss that is minimised, from what is logged
    ("WGAN", "critic"): lambda paper, logged: -logged["distance"],
    ("WGANGP", "critic"): lambda paper, logged: paper.gp_weight * logged["penalty"] - logged["distance"],
    ("SGAN", "classifier"): lambda paper, logged: (
        logged["loss_supervised"] + paper.unlabelled_weight * logged["loss_unsupervised"]
    ),
    ("SupervisedBaseline", "classifier"): lambda paper, logged: logged["loss_supervised"],
    ("Pix2Pix", "generator"): lambda paper, logged: (
        paper.gan_weight * logged.get("gan", 0) + paper.l1_weight * logged.get("l1", 0)
    ),
    ("CycleGAN", "generator"): lambda paper, logged: (
        logged["adversarial"]
        + sum(
            weight * (logged.get(f"cycle_{side}", 0) + paper.identity_weight * logged.get(f"identity_{side}", 0))
            for side, weight in (("a", paper.cycle_weight_a), ("b", paper.cycle_weight_b))
        )
    ),
    ("DiscoGAN", "generator"): lambda paper, logged: of_discogan(paper, logged),
    ("SRGAN", "generator"): lambda paper, logged: logged["content"] + paper.adversarial_weight * logged["adversarial"],
    ("StyleTransfer", "generator"): lambda paper, logged: (
        logged["loss_content"] + logged["loss_style"] + logged["loss_tv"]
    ),
}
TELLING = first_of_each(names(lambda name: len(optimizer_arguments(name)) > 1))


def of_discogan(paper, logged):
    if "adversarial" not in logged:
        return logged["loss_g"]
    rate = paper.rate_at(paper.global_step - 1)
    share = (1, 1) if rate is None else (1 - rate, rate)
    return share[0] * logged["adversarial"] + share[1] * logged["reconstruction"]


def minimised(training):
    """The last loss that each role minimised in the last update."""
    last = training.steps[training.clocks[-2][1] :]
    return {step.role: step.loss for step in last}


@pytest.mark.parametrize("name", CASES)
def test_totals_are_the_losses_that_were_minimised(name):
    training = trace(name)
    total, logged = minimised(training), training.logged[-1]
    assert all(value.ndim == 0 and value.isfinite() for value in map(torch.as_tensor, logged.values()))
    roles = [*training.paper.optimizer_factories]
    named = {"loss_g": "generator", "loss": roles[0], "loss_d": roles[-1]}
    for key in named.keys() & logged.keys():
        assert logged[key].item() == pytest.approx(total[named[key]], rel=1e-6), key


@pytest.mark.parametrize(
    "name", names(lambda name: any(CASES[name].model.func.__name__ == paper for paper, _ in TOTALS))
)
def test_totals_are_the_weighted_sums_of_the_terms_beside_them(name):
    training = trace(name)
    paper, total = training.paper, minimised(training)
    for (of, role), formula in TOTALS.items():
        if of == type(paper).__name__ and role in total:
            assert float(formula(paper, training.logged[-1])) == pytest.approx(total[role], rel=1e-5, abs=1e-6)


def dark(network, inputs, image):
    return -image.abs()


def by_brightness(network, inputs, output):
    """The output of a discriminator, its logits replaced by the brightness of the images."""
    brightness = inputs[0].mean((1, 2, 3))

    def judged(logits):
        return 0 * logits + brightness.view(-1, *[1] * (logits.ndim - 1))

    if isinstance(output, torch.Tensor):
        return judged(output)
    if "logits" in dir(output):
        return output._replace(logits=judged(output.logits))
    return judged(output[0]), *output[1:]


@pytest.mark.parametrize("name", TELLING)
def test_a_discriminator_to_which_bright_is_real_gives_bright_real_images_the_larger_logit(name):
    training = Training(name, double=False, **descending(name, {}))
    generators, critics = training.paper.networks().values()
    for generator in generators:
        generator.register_forward_hook(dark)
    for critic in critics:
        critic.register_forward_hook(by_brightness)
    training.update(type(batch := CASES[name].batches[0])(*(part.abs() for part in batch)))
    assert training.logged[-1]["d_real"] > training.logged[-1]["d_fake"]
