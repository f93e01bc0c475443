"""Health checks of a run, as a pure function of the history of its signals: they can be repeated from the log."""

from collections.abc import Callable, Sequence
from math import isfinite
from statistics import median
from typing import NamedTuple

HealthSample = dict[str, float]  # scalars by the names under which they are logged

# Thresholds come from the shipped experiments on embedded data, from update 200 on. There the variance is 0.33 to 1.2
# times the real one, inside a class at least 0.08; losses, logits and gradient norms stay below 130; the loss of the
# discriminator is above 0.29, and its mean logits are at most 5.4 apart.
COLLAPSED = 0.02  # variance of generated images over that of real ones, of all images or inside a class
SCATTERED = 1e3  # the same, of points: images are bounded
ENORMOUS = 1e7  # a loss, a logit, or the norm of a gradient
GROWN = 1e3  # the same over its median in earlier samples; a median below 1 counts as 1
NO_LOSS = 0.01  # of a discriminator; an untrained one has 1 to 2
SURE = 5.0  # a logit; as a probability 0.993
IN_A_ROW = 3  # samples that must show a transient problem; samples without one before it is new again
WON_IN_A_ROW = 5
LONG_START = 10  # samples; maxout networks generate almost one image for 600 updates before they generate digits
WINDOW = 20  # samples that are compared with each other
KEPT = WINDOW + IN_A_ROW  # samples; older ones change nothing
NAMED = 5  # classes in a message

VARIANCE, CLASS, GRADIENT = "health/variance", "health/variance_class_", "health/grad_norm_"
LOSSES = ("train/loss_d", "train/loss_unsupervised")  # of a discriminator; a critic's loss is unbounded


class Warned(NamedTuple):
    """A problem that has begun."""

    signal: str
    message: str


def check_health(history: Sequence[HealthSample]) -> list[Warned]:
    """The problems that the last sample shows and the few samples before it did not.

    Args:
        history: the samples of a run, the oldest first.
    """
    checks = {"divergence": divergence, "collapse": collapse, "D has won": discriminator_wins}
    found = [Warned(name, why) for name, check in checks.items() for why in new_warnings(check, history).values()]
    fallen = new_warnings(collapsed_classes, history)
    return found + (
        [Warned("class collapse", class_collapse([*fallen.values()]))] if fallen and not collapse(history) else []
    )


def new_warnings(
    check: Callable[[Sequence[HealthSample]], dict[str, str]], history: Sequence[HealthSample]
) -> dict[str, str]:
    """What ``check`` finds now and did not find in the last few samples."""
    ends = range(len(history), max(len(history) - 1 - IN_A_ROW, 0), -1)
    now, *lately = [check(history[max(end - WINDOW, 0) : end]) for end in ends]
    return {what: why for what, why in now.items() if not any(what in past for past in lately)}


def lasts(history: Sequence[HealthSample], samples: int, shows: Callable[[HealthSample], bool]) -> bool:
    """Whether each of the last ``samples`` samples shows it."""
    return len(history) >= samples and all(map(shows, history[-samples:]))


def divergence(history: Sequence[HealthSample]) -> dict[str, str]:
    """Non-finite values, losses or gradients that have grown without bound, or a vanished gradient."""
    last = history[-1]
    sizes = {
        name: abs(value) for name, value in last.items() if name.startswith(("train/", GRADIENT + "g", GRADIENT + "d"))
    }
    excess = {
        name: size / bound([abs(sample[name]) for sample in history[:-1] if name in sample])
        for name, size in sizes.items()
    }
    worst = max(excess, key=excess.__getitem__, default="")
    if broken := [name for name, value in last.items() if not isfinite(value)]:
        why = f"{broken[0]} is not a finite number"
    elif worst and excess[worst] > 1:
        why = f"{worst} has grown to {last[worst]:.2g}"
    elif last.get(VARIANCE, 0) > SCATTERED:
        why = f"the generated points have {last[VARIANCE]:.2g} times the variance of the real ones"
    elif lasts(history, IN_A_ROW, lambda sample: sample.get(GRADIENT + "g") == 0):
        why = "no gradient reaches the generator any more"
    else:
        return {}
    remedy = "Start over (--fresh) with smaller learning rates (model.init_args.*_optimizer.init_args.lr)"
    return {"": f"{why}: training has diverged and rarely recovers. {remedy}."}


def bound(before: Sequence[float]) -> float:
    """The largest acceptable size of a value that was ``before`` in earlier samples."""
    return min(ENORMOUS, GROWN * max(median(before), 1)) if len(before) >= IN_A_ROW else ENORMOUS


def collapse(history: Sequence[HealthSample]) -> dict[str, str]:
    """Generated images without variety."""
    if not gone(history, VARIANCE):
        return {}
    return {
        "": f"the generated images hardly differ from each other (variance {percent(history[-1][VARIANCE])} of the "
        "real ones'): the generator has collapsed. It rarely recovers. Check samples/, and start over with a "
        "smaller learning rate, or with a penalty on the discriminator's gradient."
    }


def collapsed_classes(history: Sequence[HealthSample]) -> dict[str, str]:
    """Classes whose generated images have no variety, the worst first, each with its share of the variance."""
    shares = {name: share for name, share in history[-1].items() if name.startswith(CLASS)}
    fallen = [name for name in shares if gone(history, name)]
    return {
        name: f"{name.removeprefix(CLASS)} ({percent(shares[name])})" for name in sorted(fallen, key=shares.__getitem__)
    }


def gone(history: Sequence[HealthSample], name: str) -> bool:
    """Whether a variance has vanished, or has not appeared in a long start."""
    low = [sample.get(name, 1) < COLLAPSED for sample in history]
    return len(low) >= IN_A_ROW and all(low[-IN_A_ROW:]) and (not all(low) or len(low) >= LONG_START)


def class_collapse(fallen: Sequence[str]) -> str:
    """The warning about collapsed classes."""
    more = f" and {len(fallen) - NAMED} more" if len(fallen) > NAMED else ""
    return (
        f"the generated images of class {', '.join(fallen[:NAMED])}{more} hardly differ from each other (variance over "
        "that of the class' real images): they do not depend on the noise. Check samples/; more discriminator updates "
        "or a smaller learning rate may help."
    )


def discriminator_wins(history: Sequence[HealthSample]) -> dict[str, str]:
    """A discriminator that has been right about every image for several samples."""
    if not lasts(history, WON_IN_A_ROW, separates):
        return {}
    real, fake = history[-1]["train/d_real"], history[-1]["train/d_fake"]
    return {
        "": f"the discriminator tells every generated image from the real ones (mean logits {fake:.3g} and {real:.3g}, "
        f"at each of the last {WON_IN_A_ROW} checks): it has won, and the generator learns little from it. Check "
        "samples/; if they do not improve, use a smaller learning rate or a gradient penalty for the discriminator."
        ""
    }


def separates(sample: HealthSample) -> bool:
    """Whether the discriminator has almost no loss, or is confident about real and generated images."""
    loss = next((sample[name] for name in LOSSES if name in sample), -1.0)
    real, fake = sample.get("train/d_real", 0.0), sample.get("train/d_fake", 0.0)
    return loss >= 0 and fake < real and (loss < NO_LOSS or (real > SURE and fake < -SURE))


def percent(share: float) -> str:
    return f"{100 * share:.2g} %"
