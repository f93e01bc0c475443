"""Demo: train a projection GAN on handwritten digits, test it, print its scores and the path of its images."""

import json
import sys
import time
from pathlib import Path

from lightning_cgan.cli.lightning import main as command
from lightning_cgan.console import info
from lightning_cgan.runs.environment import has_bf16_units

EXPERIMENT = "experiments/projection/digits.yaml"


def main() -> int:
    """Run ``fit`` and ``test``, then print scores and paths of images and report. An interrupted demo resumes."""
    began = time.monotonic()
    precision = [] if has_bf16_units() else ["--trainer.precision=32-true"]  # the experiment's is emulated
    for name in ("fit", "test"):
        if status := command([name, "--config", EXPERIMENT, *precision]):
            return status
    folder = Path("runs/projection/digits")
    scores = json.loads((folder / "metrics.json").read_text())["test"]["scores"]
    seconds = time.monotonic() - began
    info(f"demo: accuracy {scores['accuracy']:.3f} fid {scores['fid']:.1f} seconds {seconds:.0f}")
    info(f"{folder / 'samples' / 'test.png'}  {folder / 'report.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
