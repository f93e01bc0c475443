"""What a report says of a run's health: what was watched and when, and whether its scores are worth anything."""

from collections.abc import Mapping
from typing import Any

from lightning_cgan.runs.report.folder import Run, at
from lightning_cgan.runs.report.tables import Badge, evaluations, number
from lightning_cgan.runs.score_info import HEALTH, score_info, signal_of

ROOM = 0.1  # of the way from guessing to certainty, within which an accuracy counts as guessing
NEAR = 0.9  # of the FID of noise, or of one average image, from which images are worth nothing


def no_better_than_chance(scores: Mapping[str, Any], chance: Mapping[str, Any]) -> list[str]:
    """A sentence for each score that is no better than one of a generator that has learnt nothing.

    Args:
        scores: by name.
        chance: the score of such a generator, by name: the accuracy of guessing, and the FID of noise or of images that
            all have the mean of the real images' features, whichever is worse.
    """
    said = []
    for name, level in chance.items():
        value, known = number(scores.get(name)), number(level)
        if value is None or known is None:
            continue
        title, better, *_ = score_info(name)
        if better == "lower" and value > NEAR * known:
            said.append(f"{title} {value:.4g}: the worse of noise and one average image would have {known:.4g}.")
        if better == "higher" and value < min(2 * known, known + ROOM * (1 - known)):
            said.append(f"{title} {value:.3g}: guessing the class would have {known:.3g}.")
    return said


def useless(run: Run) -> list[str]:
    """What the most telling evaluation with scores says against the run."""
    for split in evaluations(run):
        chance = at(run.metrics, split, "chance", default={})
        if isinstance(chance, dict) and chance:
            scores = at(run.metrics, split, "scores")
            return [f"{split}: {sentence}" for sentence in no_better_than_chance(scores, chance)]
    return []


def looks(run: Run) -> list[int]:
    """The generator updates after which signals of the run's health were recorded."""
    return sorted({at for name, points in run.series.items() if name.startswith("health/") for at, _ in points})


def watched(run: Run) -> str:
    """What the warnings, or their absence, rest on."""
    times = looks(run)
    if not times:
        return "Nothing is recorded of it: the log has no health signals, so that there is no warning means nothing."
    signals = dict.fromkeys(signal_of(name) for name in run.series if name.startswith("health/"))
    names = [HEALTH.get(signal, signal.replace("_", " ")).lower() for signal in signals]
    span = f"at update {times[0]:,}" if len(times) == 1 else f"from update {times[0]:,} to {times[-1]:,}"
    often = "once" if len(times) == 1 else f"{len(times)} times"
    return f"Looked at {often}, {span}: losses, outputs of the discriminator, {', '.join(names)}."


def health_badges(run: Run) -> list[Badge]:
    """Warnings of the run, their absence where somebody has looked, and scores that are worth nothing."""
    kinds, times, worthless = (
        len({str(entry.get("signal")) for entry in run.health or []}),
        len(looks(run)),
        useless(run),
    )
    badges = [Badge("scores no better than chance", False)] if worthless else []
    if kinds:
        return [*badges, Badge(f"{kinds} health warning{'s' * (kinds > 1)}", False)]
    if not times:
        return [*badges, Badge("health not recorded")]
    return [*badges, Badge(f"no health warnings in {times} look{'s' * (times > 1)}", None if worthless else True)]
