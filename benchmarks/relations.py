"""Compares DiscoGAN with its two ablations on the toy problem: the table in experiments/discogan/README.md.

    python -m benchmarks.relations [--seeds 100 101 102 103 104]

Scores are those of the test points at the last update. Each finished run is appended to runs/discogan/seeds.csv, and
runs listed there are skipped.
"""

import argparse
import csv
import json
from pathlib import Path

from lightning_cgan.cli.lightning import main

ARMS = {"discogan": "gaussians", "gan": "gaussians_gan", "recon": "gaussians_recon"}
TABLE = Path("runs/discogan/seeds.csv")
SEEDS = list(range(100, 105))  # not used to choose settings


def run(arm: str, seed: int) -> dict[str, float]:
    """Train and test one arm; returns its test scores."""
    folder = f"runs/discogan/seeds/{arm}_{seed}"
    args = [f"--config=experiments/discogan/{ARMS[arm]}.yaml", f"--trainer.default_root_dir={folder}"]
    args.append(f"--seed_everything={seed}")
    if main(["fit", *args, "--trainer.limit_val_batches=0", "--trainer.log_every_n_steps=500", "--fresh"]) or main(
        ["test", *args]
    ):
        raise SystemExit(f"{folder} failed")
    scores: dict[str, float] = json.loads(Path(folder, "metrics.json").read_text())["test"]["scores"]
    return scores


def results() -> dict[tuple[str, int], tuple[int, float]]:
    """By arm and seed: number of distinct modes, and the share of points near a mode."""
    with TABLE.open() as file:
        return {(arm, int(seed)): (int(modes), float(near)) for arm, seed, modes, near in csv.reader(file)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    args = parser.parse_args()
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.touch()
    for seed in args.seeds:
        for arm in ARMS:
            if (arm, seed) not in results():
                scores = run(arm, seed)
                with TABLE.open("a") as file:
                    file.write(f"{arm},{seed},{scores['distinct_modes']:.0f},{scores['frac_near_mode']:.4f}\n")
    scores_of = results()
    for arm in ARMS:
        modes, near = zip(*(scores_of[arm, seed] for seed in args.seeds), strict=True)
        print(f"{arm:9} distinct modes {modes}, points near a mode {', '.join(f'{share:.2f}' for share in near)}")
