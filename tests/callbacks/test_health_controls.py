"""Runs that are made to fail, each of which must be told from the others and from a run that is fine."""

import json

import pytest
import torch

from lightning_cgan.callbacks.diagnosis import check_health
from lightning_cgan.cli.lightning import main
from lightning_cgan.networks import mlp, sngan
from lightning_cgan.runs.csv_log import read_rows
from tests.conftest import DIGITS
from tests.test_resume import callback

HEALTH = "lightning_cgan.callbacks.Health"
GENERATOR, RATE = "--model.init_args.generator", "--model.init_args.{}_optimizer.init_args.lr={}"


@pytest.fixture
def warned(tmp_path, capsys):
    """Trains a file with a look every ``every`` updates: what was warned of, as (update, signal, message)."""

    def run(config, *flags, steps, every):
        options = {"default_root_dir": tmp_path, "max_steps": steps, "log_every_n_steps": every, "precision": "32-true"}
        options |= {"limit_val_batches": 0, "num_sanity_val_steps": 0}
        given = [f"--trainer.{key}={value}" for key, value in options.items()]
        assert main(["fit", f"--config={config}", *given, *flags, callback(HEALTH, every=every)]) == 0
        log = tmp_path / "health.json"
        found = [tuple(warning.values()) for warning in json.loads(log.read_text())] if log.is_file() else []
        printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning: update ")]
        assert printed == [f"warning: update {update}: {message}" for update, _, message in found]
        assert [(update, *warning) for update, look in judged_again(tmp_path) for warning in look] == found
        return found

    return run


def judged_again(folder):
    """What is judged of each look when the run's log is read again, by generator update."""
    history: dict = {}
    for row in read_rows(folder / "metrics.csv")[1]:
        signals = {
            name: float(value) for name, value in row.items() if value and name.startswith(("train/", "health/"))
        }
        history.setdefault(int(row["step"]) + 1, {}).update(signals)
    return [(update, check_health([*history.values()][:n])) for n, update in enumerate(history, 1)]


def signals(found):
    return {signal for _, signal, _ in found}


class Constant(mlp.Generator):
    """Draws one point, whatever the noise and the label."""

    def forward(self, noise, label=None):
        return super().forward(torch.zeros_like(noise), None if label is None else torch.zeros_like(label))


class ConstantThree(sngan.Generator):
    """Draws one three, whatever the noise."""

    def forward(self, noise, label):
        return super().forward(torch.where(label[:, None] == 3, 0.0, noise), label)


@pytest.mark.parametrize("file", ["cgan/ring", "gan/ring"])
def test_a_generator_that_draws_one_image_has_collapsed(warned, file):
    found = warned(
        f"experiments/{file}.yaml", f"{GENERATOR}=tests.callbacks.test_health_controls.Constant", steps=22, every=2
    )
    assert [(update, signal) for update, signal, _ in found] == [(20, "collapse")]


def test_a_class_of_which_one_image_is_drawn_is_named(warned):
    narrow = [f"{GENERATOR}.init_args.width=8", "--model.init_args.discriminator.init_args.width=8"]
    other = f"{GENERATOR}=tests.callbacks.test_health_controls.ConstantThree"
    ((update, signal, message),) = warned(DIGITS, other, *narrow, "--data.init_args.batch_size=4", steps=11, every=1)
    assert (update, signal) == (10, "class collapse")
    assert "images of class 3 (0 %) hardly differ" in message


@pytest.mark.parametrize(
    ("file", "critic", "rate"),
    [("cgan/ring", "discriminator", 10), ("gan/digits", "discriminator", 10), ("wgan_gp/ring", "critic", 10)],
)
def test_learning_rates_far_too_large_are_divergence(warned, file, critic, rate):
    rates = RATE.format("generator", rate), RATE.format(critic, rate)
    found = warned(f"experiments/{file}.yaml", *rates, steps=40, every=10)
    assert "divergence" in signals(found)


def test_spectral_norm_does_not_hide_divergence(warned):
    narrow = [f"--model.init_args.{name}.init_args.width=8" for name in ("generator", "discriminator")]
    rates = RATE.format("generator", 20), RATE.format("discriminator", 20)
    found = warned(DIGITS, *narrow, *rates, "--data.init_args.batch_size=4", steps=20, every=5)
    assert "divergence" in signals(found)


def test_against_a_generator_that_stands_still_the_discriminator_wins(warned):
    rates = RATE.format("generator", 0), RATE.format("discriminator", 2e-3)
    found = warned("experiments/gan/digits.yaml", *rates, "--data.init_args.batch_size=16", steps=150, every=10)
    assert "D has won" in signals(found)
    assert "divergence" not in signals(found)


def test_a_generator_that_goes_the_wrong_way_is_noticed(warned):
    wrong = "--model.init_args.generator_optimizer=benchmarks.rings.Ascent"
    found = warned("experiments/cgan/ring.yaml", wrong, steps=200, every=20)
    assert signals(found) >= {"D has won", "divergence"}


def test_of_a_run_that_is_fine_nothing_is_said(warned):
    assert warned("experiments/cgan/ring.yaml", steps=200, every=20) == []
