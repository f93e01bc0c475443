"""ProGAN through the command line, on digits at 16 pixels: a fade to 8 in updates 3 to 5, and one to 16 in 9 to 11."""

import json

import pytest
import torch

from lightning_cgan.api import load
from lightning_cgan.cli.lightning import main
from lightning_cgan.papers.progan import ProGAN

NETWORK = "init_args.{}.init_args.fmap_base=64", "init_args.{}.init_args.fmap_max=8"
FLAGS = [
    "--config=experiments/progan/digits.yaml",
    *(f"--model.{key.format(name)}" for name in ("generator", "discriminator") for key in NETWORK),
    "--model.init_args.stable_kimg=0.008",
    "--model.init_args.fade_kimg=0.016",
    "--model.init_args.batch_sizes={4: 4}",
    "--data.init_args.size=16",
    "--data.init_args.validation_fakes=20",
    "--trainer.log_every_n_steps=1",
    "--trainer.num_sanity_val_steps=0",
]


@pytest.fixture
def grow(tmp_path):
    def run(*extra, folder="run", steps=13, every=1000, command="fit"):
        lengths = [f"--trainer.max_steps={steps}", f"--trainer.val_check_interval={every}"]
        return main([command, *FLAGS, *lengths, f"--trainer.default_root_dir={tmp_path / folder}", *extra])

    return run


def callback(name, **init_args):
    return "--trainer.callbacks+=" + json.dumps({"class_path": name, "init_args": init_args})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    lengths = ["--trainer.max_steps=13", "--trainer.val_check_interval=1000", f"--trainer.default_root_dir={folder}"]
    assert main(["fit", *FLAGS, *lengths]) == 0
    return torch.load(folder / "last.ckpt", weights_only=True)


@pytest.mark.parametrize(("steps", "taken"), [(4, 1), (6, 3), (7, 1)])
def test_adam_starts_over_where_a_fade_starts_and_ends(grow, state, steps, taken):
    assert grow(steps=steps) == 0
    for optimizer in state()["optimizer_states"]:
        assert {int(entry["step"]) for entry in optimizer["state"].values()} == {taken}


def test_simultaneous_updates_share_their_images_and_alternating_ones_do_not(grow, monkeypatch):
    for simultaneous in ("false", "true"):
        shown = []
        monkeypatch.setattr(
            "lightning_cgan.papers.progan.critic_loss", lambda real, fake, s=shown: s.append(fake) or fake.sum()
        )
        monkeypatch.setattr(
            "lightning_cgan.papers.progan.generator_loss", lambda fake, s=shown: s.append(fake) or -fake.sum()
        )
        assert grow(f"--model.init_args.simultaneous={simultaneous}", steps=1, folder=simultaneous) == 0
        assert torch.equal(*shown) is (simultaneous == "true")


def test_batches_are_as_large_as_the_resolution_asks_for(grow, monkeypatch):
    seen = []
    original = ProGAN.discriminator_loss

    def note(self, real, *rest):
        seen.append(tuple(real.shape))
        return original(self, real, *rest)

    monkeypatch.setattr(ProGAN, "discriminator_loss", note)
    assert grow("--model.init_args.batch_sizes={4: 4, 8: 6, 16: 2}", steps=9) == 0
    assert seen == [(4, 1, 4, 4)] * 3 + [(6, 1, 8, 8)] * 4 + [(2, 1, 16, 16)] * 2


def test_a_run_shorter_than_its_schedule_is_warned(grow):
    with pytest.warns(
        UserWarning, match=r"after 12 updates; 4 end at resolution 8 with alpha 0.25. Set .*max_steps above 12"
    ):
        assert grow(steps=4) == 0


def test_a_loaded_model_draws_at_the_resolution_it_was_trained_at(grow, tmp_path):
    sides = []
    for steps in (3, 13):
        assert grow(steps=steps) == 0
        image = load(tmp_path / "run" / "last.ckpt").sample(3)
        sides.append(torch.equal(image[..., ::4, ::4].repeat_interleave(4, -1).repeat_interleave(4, -2), image))
    assert sides == [True, False]


def test_conditional_runs_train_score_and_predict(grow, scores, tmp_path):
    conditional = "--model.init_args.conditional=true"
    assert grow(conditional, steps=5, every=5) == 0
    assert "accuracy" in scores()["val"]["scores"]
    assert scores()["val"]["card"]["weights"] == "average"
    assert grow(conditional, "--data.init_args.predict_per_class=1", command="predict") == 0
    assert len(list((tmp_path / "run" / "predictions").glob("0*.png"))) == 10


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--model.init_args.discriminator.init_args.group_size=3", "do not divide into groups of 3"),
        ("--model.init_args.batch_sizes={8: 4}", "from resolution 4 on; got {8: 4}. Set model.init_args.batch_sizes"),
        ("--model.init_args.fade_kimg=0", "Set model.init_args.stable_kimg"),
    ],
)
def test_what_cannot_be_trained_is_said_before_the_first_update(grow, capsys, tmp_path, flag, message):
    assert grow(flag) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run" / "last.ckpt").exists()
