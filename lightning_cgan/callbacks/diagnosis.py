"""What the signals of a run mean: a pure function of their history, so that the log of a run can be judged again."""

from collections.abc import Callable, Sequence
from math import isfinite
from statistics import median
from typing import NamedTuple

HealthSample = dict[str, float]  # scalars by the names under which they are logged

# Thresholds rest on the shipped experiments on embedded data, at every look from update 200 on. There the variance is
# 0.33 to 1.2 times the real one, inside a class from 0.08; losses, logits and norms of gradients stay below 130; a
# discriminator's loss is above 0.29, and its mean logits lie at most 5.4 apart.
COLLAPSED = 0.02  # variance of generated images over that of real ones, of all images or inside a class
SCATTERED = 1e3  # the same, of points: images are bounded
ENORMOUS = 1e7  # a loss, a logit, or the norm of a gradient
GROWN = 1e3  # the same over its median at the looks before; a median below 1 counts as 1
NO_LOSS = 0.01  # of a discriminator; one that knows nothing has 1 to 2
SURE = 5.0  # a logit; as a probability 0.993
IN_A_ROW = 3  # looks that must show what may pass, and looks without a trouble before it is news again
WON_IN_A_ROW = 5
LONG_START = 10  # looks; maxout networks draw almost one image for 600 updates before they draw digits
WINDOW = 20  # looks that are compared with each other
KEPT = WINDOW + IN_A_ROW  # looks; older ones change nothing
NAMED = 5  # classes

VARIANCE, CLASS, GRADIENT = "health/variance", "health/variance_class_", "health/grad_norm_"
LOSSES = ("train/loss_d", "train/loss_unsupervised")  # of a discriminator; a critic's distance is no such loss


class Warned(NamedTuple):
    """A trouble that has begun."""

    signal: str
    message: str


def check_health(history: Sequence[HealthSample]) -> list[Warned]:
    """The troubles that the last look shows and the few looks before it did not.

    Args:
        history: of a run, the first look first.
    """
    troubles = {"divergence": divergence, "collapse": collapse, "D has won": discriminator_wins}
    found = [Warned(name, why) for name, trouble in troubles.items() for why in new_warnings(trouble, history).values()]
    fallen = new_warnings(collapsed_classes, history)
    return found + ([Warned("class collapse", told([*fallen.values()]))] if fallen and not collapse(history) else [])


def new_warnings(
    trouble: Callable[[Sequence[HealthSample]], dict[str, str]], history: Sequence[HealthSample]
) -> dict[str, str]:
    """What ``trouble`` finds now and did not find lately."""
    ends = range(len(history), max(len(history) - 1 - IN_A_ROW, 0), -1)
    now, *lately = [trouble(history[max(end - WINDOW, 0) : end]) for end in ends]
    return {what: why for what, why in now.items() if not any(what in past for past in lately)}


def lasts(history: Sequence[HealthSample], looks: int, shows: Callable[[HealthSample], bool]) -> bool:
    """Whether each of the last ``looks`` looks shows it."""
    return len(history) >= looks and all(map(shows, history[-looks:]))


def divergence(history: Sequence[HealthSample]) -> dict[str, str]:
    """Numbers that are none, sizes that have blown up, or a gradient that has died."""
    last = history[-1]
    sizes = {
        name: abs(value) for name, value in last.items() if name.startswith(("train/", GRADIENT + "g", GRADIENT + "d"))
    }
    excess = {
        name: size / bound([abs(look[name]) for look in history[:-1] if name in look]) for name, size in sizes.items()
    }
    worst = max(excess, key=excess.__getitem__, default="")
    if broken := [name for name, value in last.items() if not isfinite(value)]:
        why = f"{broken[0]} is not a finite number"
    elif worst and excess[worst] > 1:
        why = f"{worst} has grown to {last[worst]:.2g}"
    elif last.get(VARIANCE, 0) > SCATTERED:
        why = f"the generated points have {last[VARIANCE]:.2g} times the variance of the real ones"
    elif lasts(history, IN_A_ROW, lambda look: look.get(GRADIENT + "g") == 0):
        why = "no gradient reaches the generator any more"
    else:
        return {}
    remedy = "Start over (--fresh) with smaller learning rates (model.init_args.*_optimizer.init_args.lr)"
    return {"": f"{why}: training has diverged, and seldom comes back. {remedy}."}


def bound(before: Sequence[float]) -> float:
    """What a size that was ``before`` at earlier looks may not exceed."""
    return min(ENORMOUS, GROWN * max(median(before), 1)) if len(before) >= IN_A_ROW else ENORMOUS


def collapse(history: Sequence[HealthSample]) -> dict[str, str]:
    """Generated images that are all alike."""
    if not gone(history, VARIANCE):
        return {}
    return {
        "": f"the generated images hardly differ from each other (variance {percent(history[-1][VARIANCE])} of the "
        "real ones'): the generator has collapsed. It rarely comes back. Look at samples/, and start over with a "
        "smaller learning rate, or with a penalty on the discriminator's gradient."
    }


def collapsed_classes(history: Sequence[HealthSample]) -> dict[str, str]:
    """Classes whose generated images are all alike, the worst first, each with its share of the variance."""
    shares = {name: share for name, share in history[-1].items() if name.startswith(CLASS)}
    fallen = [name for name in shares if gone(history, name)]
    return {
        name: f"{name.removeprefix(CLASS)} ({percent(shares[name])})" for name in sorted(fallen, key=shares.__getitem__)
    }


def gone(history: Sequence[HealthSample], name: str) -> bool:
    """Whether a variance that was there is no more, or has not come in a long start."""
    low = [look.get(name, 1) < COLLAPSED for look in history]
    return len(low) >= IN_A_ROW and all(low[-IN_A_ROW:]) and (not all(low) or len(low) >= LONG_START)


def told(fallen: Sequence[str]) -> str:
    """The warning about classes."""
    more = f" and {len(fallen) - NAMED} more" if len(fallen) > NAMED else ""
    return (
        f"the generated images of class {', '.join(fallen[:NAMED])}{more} hardly differ from each other (variance over "
        "that of the class' real images): the noise has no say in them. Look at samples/; more discriminator updates "
        "or a smaller learning rate may help."
    )


def discriminator_wins(history: Sequence[HealthSample]) -> dict[str, str]:
    """A discriminator that is never wrong, and has been so for long."""
    if not lasts(history, WON_IN_A_ROW, separates):
        return {}
    real, fake = history[-1]["train/d_real"], history[-1]["train/d_fake"]
    return {
        "": f"the discriminator tells every generated image from the real ones (mean logits {fake:.3g} and {real:.3g}, "
        f"at each of the last {WON_IN_A_ROW} looks): it has won, and the generator learns little from it. Look at "
        "samples/; where they get no better, give the discriminator a smaller learning rate, or a penalty on its "
        "gradient."
    }


def separates(look: HealthSample) -> bool:
    """Whether the discriminator has no loss to speak of, or is sure of both kinds of images."""
    loss = next((look[name] for name in LOSSES if name in look), -1.0)
    real, fake = look.get("train/d_real", 0.0), look.get("train/d_fake", 0.0)
    return loss >= 0 and fake < real and (loss < NO_LOSS or (real > SURE and fake < -SURE))


def percent(share: float) -> str:
    return f"{100 * share:.2g} %"
