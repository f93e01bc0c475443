"""Settings that would be ignored, or would fail with a trace, are refused in words before a run begins."""

import pytest
import torch

from lightning_cgan.cli.lightning import main

DIGITS = [
    "--config=experiments/gan/digits.yaml",
    "--trainer.callbacks=[]",
    "--data.init_args.batch_size=8",
    "--data.init_args.validation_fakes=20",
    "--data.init_args.evaluation_batch_size=250",
    "--model.init_args.generator.init_args.width=8",
    "--trainer.max_steps=2",
    "--trainer.val_check_interval=2",
]


@pytest.mark.parametrize(
    ("flag", "got"),
    [
        ("precision=bf16-true", "bf16-true"),
        ("precision=16-true", "16-true"),
        ("precision=64", "64-true"),
        ("accumulate_grad_batches=2", "2"),
        ("gradient_clip_val=0.5", "0.5"),
        ("max_epochs=3", "3"),
        ("min_epochs=2", "2"),
        ("min_steps=10", "10"),
        ("max_steps=0", "0"),
        ("val_check_interval=0", "0"),
        ("val_check_interval=0.5", "0.5"),
        ("val_check_interval=00:00:01:00", "00:00:01:00"),
        ("check_val_every_n_epoch=2", "2"),
        ("reload_dataloaders_every_n_epochs=1", "1"),
        ("limit_train_batches=2", "2"),
        ("limit_train_batches=0", "0"),
        ("overfit_batches=1", "1"),
        ("barebones=true", "True"),
        ("devices=0", "0"),
        pytest.param("accelerator=gpu", "gpu", marks=pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU")),
    ],
)
def test_what_would_be_ignored_or_would_fail_is_refused_with_rule_value_and_key(flag, got, tmp_path, capsys):
    key = f"trainer.{flag.partition('=')[0]}"
    assert main(["fit", *DIGITS, f"--trainer.default_root_dir={tmp_path / 'run'}", f"--trainer.{flag}"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("lightning-cgan: ")
    assert f"{got}" in told
    assert f"Set {key}" in told
    assert len(told.splitlines()) <= 3
    assert not (tmp_path / "run" / "last.ckpt").exists()


@pytest.mark.parametrize(
    "flags",
    [
        ["log_every_n_steps=0"],
        ["log_every_n_steps=1", "num_sanity_val_steps=-1", "inference_mode=false", "profiler=simple"],
        ["log_every_n_steps=1", "deterministic=true", "detect_anomaly=true", "use_distributed_sampler=true"],
    ],
)
def test_what_is_not_refused_trains(flags, tmp_path, capsys):
    folder = f"--trainer.default_root_dir={tmp_path / 'run'}"
    assert main(["fit", *DIGITS, folder, *(f"--trainer.{flag}" for flag in flags)]) == 0
    assert (tmp_path / "run" / "last.ckpt").is_file()
    assert "update 2/2" in capsys.readouterr().out


def test_a_validation_that_never_comes_is_said(tmp_path, capsys):
    folder = f"--trainer.default_root_dir={tmp_path / 'run'}"
    assert main(["fit", *DIGITS, folder, "--trainer.val_check_interval=3"]) == 0
    assert "no validation, and no best.ckpt: trainer.val_check_interval is 3" in capsys.readouterr().out


def test_weights_of_another_precision_are_refused_by_every_command(tmp_path, capsys):
    folder = f"--trainer.default_root_dir={tmp_path / 'run'}"
    assert main(["validate", *DIGITS, folder, "--trainer.precision=bf16-true"]) == 2
    assert "got trainer.precision bf16-true. Set trainer.precision to" in capsys.readouterr().err
