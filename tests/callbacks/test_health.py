"""The callback: what it looks at, when, and that nothing changes by it."""

import csv
import json
import random

import numpy as np
import pytest
import torch

from lightning_cgan.callbacks.health import Health, forget, note, pooled, variance_ratios
from lightning_cgan.cli import lightning as cli
from lightning_cgan.cli.lightning import main
from lightning_cgan.papers.gan import GAN
from tests.callbacks.scores.test_distribution import BROKEN
from tests.conftest import same
from tests.papers.steps import batches, train
from tests.papers.test_gan import SPEC, Black, Brightness
from tests.test_resume import PARTS, PowerCut, callback

HEALTH = "lightning_cgan.callbacks.Health"


def looks(folder):
    """The rows of ``metrics.csv`` that hold a look, by generator update."""
    with (folder / "metrics.csv").open() as file:
        return {int(row["step"]) + 1: row for row in csv.DictReader(file) if row.get("health/variance")}


@pytest.mark.parametrize("config", ["experiments/projection/digits.yaml", "experiments/dcgan/digits.yaml"])
def test_not_a_bit_of_training_changes_by_being_watched(run, state, monkeypatch, config):
    assert run("fit", callback(HEALTH, every=2), folder="watched", steps=5, config=config) == 0
    monkeypatch.setitem(
        cli.DEFAULT_CALLBACKS, "fit", tuple(kind for kind in cli.DEFAULT_CALLBACKS["fit"] if kind is not Health)
    )
    assert run("fit", folder="alone", steps=5, config=config) == 0
    watched, alone = state("watched"), state("alone")
    assert "Health" in watched["callbacks"]
    assert "Health" not in alone["callbacks"]
    for part in PARTS:
        assert same(watched[part], alone[part]), part


class Witness(Health):
    """Compares what a look could have touched before and after it."""

    def variances(self, trainer, module):
        before = self.surroundings(module)
        found = super().variances(trainer, module)
        assert same(before, self.surroundings(module))
        assert found["health/variance"] > 0
        return found

    def surroundings(self, module):
        streams = [torch.get_rng_state(), str(np.random.get_state()), random.getstate()]
        gradients = [weight.grad if weight.grad is None else weight.grad.clone() for weight in module.parameters()]
        modes = [part.training for part in module.modules()]
        return [*streams, [buffer.clone() for buffer in module.buffers()], gradients, modes]


def test_a_look_leaves_random_streams_buffers_gradients_and_modes_as_they_were(run):
    assert run("fit", callback("tests.callbacks.test_health.Witness", every=1), steps=2) == 0


def test_looks_come_every_so_many_updates_rounded_up_to_those_that_are_logged(run, tmp_path):
    assert run("fit", callback(HEALTH, every=3), "--trainer.log_every_n_steps=2", steps=9, every=9) == 0
    found = looks(tmp_path / "run")
    assert list(found) == [4, 8]
    signals = {name: float(value) for name, value in found[4].items() if name.startswith("health/")}
    names = {"variance", "grad_norm_g", "grad_norm_d", "grad_norm_ratio", *(f"variance_class_{n}" for n in range(10))}
    assert signals.keys() == {f"health/{name}" for name in names}
    norms = [signals[f"health/grad_norm_{which}"] for which in ("g", "d", "ratio")]
    assert norms[0] / norms[1] == pytest.approx(norms[2])


def test_gradient_norms_are_those_of_the_last_steps():
    watch = Health(every=1)
    gan = GAN(SPEC, generator=Black, discriminator=Brightness, schedule=lambda update, updates: 0.0)
    train(gan, updates=1, callbacks=[watch])
    (look,) = watch.history
    # The discriminator says twice the brightness, of generated images -1: losses softplus(-2 brightness), softplus(-2).
    brightness = next(batches(gan, (1, 16, 16), 1)).image[-1].mean((1, 2, 3))
    of_weight = -brightness * (-2 * brightness).sigmoid() - torch.tensor(-2.0).sigmoid()
    assert look["health/grad_norm_d"] == pytest.approx(of_weight.mean().abs().item())
    assert look["health/grad_norm_g"] == pytest.approx(2 * torch.tensor(2.0).sigmoid().item())
    assert (look["train/d_real"], look["train/d_fake"]) == pytest.approx((2 * brightness.mean().item(), -2))
    assert not any("variance" in name for name in look)  # there is no data module that could be asked for a probe


def test_variances_are_those_of_generated_images_over_those_of_real_ones():
    truth = torch.tensor([0, 0, 0, 1, 1, 2])
    real = torch.tensor([[0.0, 0], [2, 0], [1, 0], [0, 5], [0, 9], [4, 4]])
    half = variance_ratios(real / 2**0.5, real, truth, truth)
    assert half == pytest.approx({f"health/variance{of}": 0.5 for of in ("", "_class_0", "_class_1")})
    turned = variance_ratios(real.flip(0), real, truth.flip(0), truth)  # generated in another order of the classes
    assert turned == pytest.approx({f"health/variance{of}": 1 for of in ("", "_class_0", "_class_1")})
    assert variance_ratios(real, real, None, truth) == {"health/variance": 1}
    assert variance_ratios(real[:0], real, None, truth) == {}
    assert variance_ratios(real, torch.zeros(6, 2), truth, truth) == {}
    assert variance_ratios(real * float("nan"), real, None, truth)["health/variance"] != 1


def test_features_are_means_over_eight_by_eight_areas_and_points_as_they_are():
    fine = torch.rand(2, 3, 32, 32, dtype=torch.bfloat16)
    assert torch.equal(pooled(fine)[1, 0], fine[1, 0, :4, :4].float().mean())
    assert pooled(fine).shape == (2, 3 * 64)
    point = torch.rand(5, 2, 1, 1)
    assert torch.equal(pooled(point), point[:, :, 0, 0])


def test_warnings_of_updates_that_are_done_again_are_forgotten(tmp_path):
    path = tmp_path / "run" / "health.json"
    forget(path, after=0)
    assert not path.exists()
    for update in (2, 4, 6):
        note(path, [{"update": update, "signal": "collapse", "message": "m"}])
    forget(path, after=4)
    assert [warning["update"] for warning in json.loads(path.read_text())] == [2, 4]


def test_a_resumed_run_warns_and_logs_as_one_that_was_never_stopped(run, tmp_path):
    watched = (*BROKEN, callback(HEALTH, every=3), callback("lightning_cgan.callbacks.LastCheckpoint", every=2))
    assert run("fit", *watched, folder="whole", steps=6, every=9) == 0
    with pytest.raises(PowerCut):
        run("fit", *watched, callback("tests.test_resume.StopsAt", step=3), folder="stopped", steps=6, every=9)
    for folder in ("whole", "stopped"):  # the warning is later than the checkpoint that is gone on from
        (warning,) = json.loads((tmp_path / folder / "health.json").read_text())
        assert (warning["update"], warning["signal"]) == (3, "divergence")
    assert run("fit", *watched, folder="stopped", steps=6, every=9) == 0
    for file in ("health.json", "metrics.csv"):
        assert (tmp_path / "stopped" / file).read_text() == (tmp_path / "whole" / file).read_text()


@pytest.mark.filterwarnings("ignore:The networks are fully grown after")
@pytest.mark.parametrize(
    ("file", "signals"),
    [
        ("gan/ring", {"variance", "grad_norm_g", "grad_norm_d", "grad_norm_ratio"}),
        ("projection/digits_super_resolution", {"variance", "variance_class_9"}),
        ("progan/digits", {"variance", "grad_norm_ratio"}),
        ("sgan/digits", {"variance", "grad_norm_ratio"}),
        ("sgan/digits_supervised", set()),
        ("classifier/digits", set()),
    ],
)
def test_every_kind_of_paper_and_data_can_be_watched(tmp_path, file, signals):
    short = [f"--trainer.{key}=1" for key in ("max_steps", "log_every_n_steps", "limit_val_batches")]
    flags = [*short, "--trainer.num_sanity_val_steps=0", f"--trainer.default_root_dir={tmp_path}"]
    assert main(["fit", f"--config=experiments/{file}.yaml", *flags, callback(HEALTH, every=1)]) == 0
    with (tmp_path / "metrics.csv").open() as log:
        logged = {name for row in csv.DictReader(log) for name, value in row.items() if value}
    assert logged >= {f"health/{name}" for name in signals}
    assert bool(signals) == ({"train/d_real", "train/d_fake"} <= logged)


def test_looking_less_than_never_is_refused():
    with pytest.raises(ValueError, match=r"at least 1; got 0. Set its init_args.every"):
        Health(every=0)
