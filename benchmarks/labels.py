"""Compares SGAN with its supervised baseline on few labels: the table in experiments/sgan/README.md.

    python -m benchmarks.labels [--labels 3 5 10] [--draws 100 101 102 103 104]

Scores are test accuracies at the last update, without validation. Each finished run is appended to
runs/sgan/labels.csv, and runs listed there are skipped. Intervals are 95 % Student's t intervals over draws of the
labels, each with its own seed.
"""

import argparse
import csv
import json
from pathlib import Path

from scipy.stats import t

from lightning_cgan.cli.lightning import main

FILES = {"baseline": "experiments/sgan/digits_supervised.yaml", "sgan": "experiments/sgan/digits.yaml"}
TABLE = Path("runs/sgan/labels.csv")


def accuracy(arm: str, labels: int, draw: int) -> float:
    """Train and test one arm; returns its accuracy on the 500 test digits in percent."""
    folder = f"runs/sgan/labels/{arm}_{labels}_{draw}"
    args = [f"--config={FILES[arm]}", f"--trainer.default_root_dir={folder}", f"--seed_everything={draw}"]
    args += [f"--data.init_args.labels_per_class={labels}", f"--data.init_args.label_seed={draw}"]
    quick = ["--trainer.limit_val_batches=0", "--trainer.log_every_n_steps=500"]
    if main(["fit", *args, *quick, "--fresh"]) or main(
        ["test", *args, "--ckpt_path=last", "--data.init_args.data.init_args.test_fakes=20"]
    ):
        raise SystemExit(f"{folder} failed")
    return 100 * json.loads(Path(folder, "metrics.json").read_text())["test"]["scores"]["classification_accuracy"]


def results() -> dict[tuple[str, int, int], float]:
    with TABLE.open() as file:
        return {(arm, int(labels), int(draw)): float(hits) for arm, labels, draw, hits in csv.reader(file)}


def interval(values: list[float]) -> str:
    mean = sum(values) / len(values)
    spread = (sum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1)) ** 0.5
    half = t.ppf(0.975, len(values) - 1) * spread / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{mean:.1f} ± {half:.1f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--labels", type=int, nargs="+", default=[3, 5, 10], help="per class")
    parser.add_argument("--draws", type=int, nargs="+", default=[100, 101, 102, 103, 104])
    args = parser.parse_args()
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.touch()
    for draw in args.draws:
        for labels in args.labels:
            for arm in FILES:
                if (arm, labels, draw) not in results():
                    hits = accuracy(arm, labels, draw)
                    with TABLE.open("a") as file:
                        file.write(f"{arm},{labels},{draw},{hits:.2f}\n")
    accuracies = results()
    for labels in args.labels:
        baseline, sgan = ([accuracies[arm, labels, draw] for draw in args.draws] for arm in FILES)
        gain = [b - a for a, b in zip(baseline, sgan, strict=True)]
        print(f"{10 * labels} labels: baseline {interval(baseline)}  SGAN {interval(sgan)}  gain {interval(gain)}")
