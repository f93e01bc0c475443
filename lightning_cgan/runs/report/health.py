"""The health section of a report: what was monitored and when, and scores no better than chance."""

from collections.abc import Mapping
from typing import Any

from lightning_cgan.runs.report.folder import Run, at
from lightning_cgan.runs.report.tables import Badge, evaluations, number
from lightning_cgan.runs.score_info import HEALTH, score_info, signal_of

ROOM = 0.1  # share of the range above chance within which an accuracy counts as guessing
NEAR = 0.9  # share of the FID at chance level above which an FID counts as chance


def no_better_than_chance(scores: Mapping[str, Any], chance: Mapping[str, Any]) -> list[str]:
    """A sentence for each score that is no better than that of an untrained generator.

    Args:
        scores: by name.
        chance: by name, the accuracy of guessing, and the FID of noise or of images that all have the mean of the real
            images' features, whichever is worse.
    """
    sentences = []
    for name, level in chance.items():
        value, known = number(scores.get(name)), number(level)
        if value is None or known is None:
            continue
        title, better, *_ = score_info(name)
        if better == "lower" and value > NEAR * known:
            sentences.append(f"{title} {value:.4g}: the worse of noise and one average image would have {known:.4g}.")
        if better == "higher" and value < min(2 * known, known + ROOM * (1 - known)):
            sentences.append(f"{title} {value:.3g}: guessing the class would have {known:.3g}.")
    return sentences


def useless(run: Run) -> list[str]:
    """The sentences about scores no better than chance of the first evaluation in ``SPLITS`` order that has any."""
    for split in evaluations(run):
        chance = at(run.metrics, split, "chance", default={})
        if isinstance(chance, dict) and chance:
            scores = at(run.metrics, split, "scores")
            return [f"{split}: {sentence}" for sentence in no_better_than_chance(scores, chance)]
    return []


def checks(run: Run) -> list[int]:
    """The generator updates after which signals of the run's health were recorded."""
    return sorted({at for name, points in run.series.items() if name.startswith("health/") for at, _ in points})


def watched(run: Run) -> str:
    """A sentence on the signals that health warnings are based on."""
    times = checks(run)
    if not times:
        return "Not recorded: the log has no health signals, so the absence of warnings means nothing."
    signals = dict.fromkeys(signal_of(name) for name in run.series if name.startswith("health/"))
    names = [HEALTH.get(signal, signal.replace("_", " ")).lower() for signal in signals]
    span = f"at update {times[0]:,}" if len(times) == 1 else f"from update {times[0]:,} to {times[-1]:,}"
    often = "once" if len(times) == 1 else f"{len(times)} times"
    return f"Checked {often}, {span}: losses, outputs of the discriminator, {', '.join(names)}."


def health_badges(run: Run) -> list[Badge]:
    """Badges for health warnings or their absence, and for scores no better than chance."""
    kinds, times, worthless = (
        len({str(entry.get("signal")) for entry in run.health or []}),
        len(checks(run)),
        useless(run),
    )
    badges = [Badge("scores no better than chance", False)] if worthless else []
    if kinds:
        return [*badges, Badge(f"{kinds} health warning{'s' * (kinds > 1)}", False)]
    if not times:
        return [*badges, Badge("health not recorded")]
    return [*badges, Badge(f"no health warnings in {times} check{'s' * (times > 1)}", None if worthless else True)]
