"""The report page of a run, a pure function of the files in its folder."""

import shlex
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from lightning_cgan.runs.report import curves, tables
from lightning_cgan.runs.report.folder import Run, at
from lightning_cgan.runs.report.health import health_badges, useless, watched
from lightning_cgan.runs.report.tables import Badge, card_of, evaluations, number
from lightning_cgan.runs.score_info import MEMORY

LOG_EVERY = 50  # updates; Lightning's default


def page(run: Run) -> str:
    """The report as self-contained HTML, without scripts and external references."""
    template = files("lightning_cgan.runs.report").joinpath("page.html").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        run=run,
        title=title(run),
        facts=facts(run),
        badges=badges(run),
        columns=tables.columns(run),
        scores=tables.score_table(run),
        classes=tables.class_table(run),
        card=tables.card_table(run),
        notes=tables.notes(run),
        warnings=tables.warnings(run),
        useless=useless(run),
        watched=watched(run),
        panels=curves.panels(run.series, best_update(run)),
        best=best_update(run),
        size=curves,
        memory=MEMORY,
        commands=commands(run),
        commit=card_field(run, "commit"),
        caption=caption(run),
    )


def name_of(class_path: Any) -> str:
    return str(class_path or "").rpartition(".")[2]


def title(run: Run) -> str:
    model, data = (name_of(at(run.config, part, "class_path")) for part in ("model", "data"))
    return f"{model} on {data}" if model and data else f"Run {run.folder.name}"


def card_field(run: Run, name: str) -> Any:
    """The field of the first evaluation card that has it."""
    fields = (at(run.metrics, split, "card", name) for split in evaluations(run))
    return next((field for field in fields if field is not None), None)


def facts(run: Run) -> list[tuple[str, str]]:
    """Model, data, seed and environment, as far as known."""
    model = at(run.config, "model", default={})
    networks = [
        str(at(model, "init_args", role, "class_path", default="")).removeprefix("lightning_cgan.networks.")
        for role in ("generator", "discriminator", "critic", "network")
    ]
    seed = at(run.config, "seed_everything", default=card_field(run, "training_seed"))
    known = {
        "model": at(model, "class_path", default=card_field(run, "model")),
        "networks": ", ".join(name for name in networks if name),
        "data": at(run.config, "data", "class_path", default=card_field(run, "data")),
        "seed": seed,
        "precision": at(run.config, "trainer", "precision", default=card_field(run, "precision")),
        "device": card_field(run, "device"),
        "processes": card_field(run, "processes"),
        "commit": card_field(run, "commit"),
        "evaluated": card_field(run, "time"),
        "folder": run.folder,
    }
    return [(name, tables.plain(value)) for name, value in known.items() if value not in (None, "")]


def badges(run: Run) -> list[Badge]:
    """Badges: whether training is finished, how often test data were scored, and health."""
    times = number(at(run.metrics, "test", "card", "scored"))
    scored = [Badge("not scored on test data", None)]
    if "test" in evaluations(run):
        often: dict[float | None, str] = {None: "scored on test data", 1.0: "test data scored once"}
        scored = [Badge(often.get(times) or f"test data scored {times:.0f} times: less reliable each time",
                        None if times is None else times <= 1)]  # fmt: skip
    return [progress(run), *scored, *health_badges(run)]


def progress(run: Run) -> Badge:
    """The progress of training by the log, which has a row every few updates."""
    updates = [points[-1][0] for name, points in run.series.items() if not name.startswith("test/")]
    updates += [int(number(at(run.metrics, split, "card", "update")) or 0) for split in evaluations(run)]
    reached = max(updates, default=0)
    asked = number(at(run.config, "trainer", "max_steps"))
    every = number(at(run.config, "trainer", "log_every_n_steps")) or LOG_EVERY
    if asked is None:
        return Badge(f"{reached:,} generator updates")
    if reached and reached > asked - every:
        return Badge(f"finished: {asked:,.0f} generator updates", True)
    return Badge(f"not finished: {reached:,} of {asked:,.0f} generator updates", False)


def best_update(run: Run) -> int | None:
    cards = [card_of(run, split) for split in evaluations(run)]
    update = (number(card.get("update")) for card in cards if at(card, "checkpoint", "name") == "best.ckpt")
    return next((int(value) for value in update if value is not None), None)


def commands(run: Run) -> list[str]:
    """Command lines that repeat the run from its configuration."""
    if not run.config:
        return []
    fresh = shlex.quote(f"{run.folder.name or 'run'}.again")
    local = " --trainer.logger null" if at(run.config, "trainer", "logger") else ""  # not under the same W&B id
    given = f"--config config.yaml --trainer.default_root_dir {fresh}{local}"
    tested = [f"lightning-cgan test {given}"]
    return [f"lightning-cgan fit {given}", *tested, f"lightning-cgan report {fresh}"]


def caption(run: Run) -> str:
    """The caption of the picture of samples."""
    chosen = at(run.config, "trainer", "callbacks", default=[])
    kinds = {name_of(at(entry, "class_path")) for entry in (chosen if isinstance(chosen, list) else [chosen])}
    if "Scatter" in kinds:
        return "Generated points; circles are three standard deviations around the modes of the data."
    if "PairedGrid" in kinds:
        return "From the top: low resolution, its bicubic interpolation, generated, and real images."
    return "Generated images. For class-conditional models, each row is one class."
