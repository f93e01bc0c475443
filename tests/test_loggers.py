"""W&B for real, offline, in a process of its own as a user runs it."""

import os
import subprocess
import sys

from tests.conftest import DIGITS, REPOSITORY, TINY


def test_wandb_offline_records_scalars_and_pictures_and_knows_a_resumed_run(tmp_path):
    folder = tmp_path / "run"

    def fit(steps):
        args = [f"--config={DIGITS}", "--config=experiments/cluster/wandb.yaml", *TINY, f"--trainer.max_steps={steps}"]
        args += ["--trainer.val_check_interval=2", f"--trainer.default_root_dir={folder}"]
        environment = os.environ | {"WANDB_MODE": "offline", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "lightning_cgan", "fit", *args],
            cwd=REPOSITORY, env=environment, timeout=300, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    fit(2)
    fit(4)
    identity = (folder / "tracking_id").read_text()
    records = sorted((folder / "wandb").glob(f"offline-run-*-{identity}/run-{identity}.wandb"))
    assert len(records) == 2
    assert b"train/loss_d" in records[0].read_bytes()
    assert b"val/fid" in records[1].read_bytes()
    assert len(list((folder / "wandb").glob("offline-run-*/files/media/images/samples*.png"))) == 2
    assert (folder / "metrics.csv").is_file()
