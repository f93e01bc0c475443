"""Run folders as ``fit`` and ``test`` leave them, made without a run."""

import json

import yaml
from PIL import Image

PIXELS = 502  # of a grid of samples of the digits
CONFIG = {
    "seed_everything": 3,
    "trainer": {"precision": "bf16-mixed", "max_steps": 1000, "log_every_n_steps": None, "logger": None},
    "model": {
        "class_path": "lightning_cgan.papers.ProjectionGAN",
        "init_args": {"generator": {"class_path": "lightning_cgan.networks.sngan.Generator"}},
    },
    "data": {"class_path": "datamodules.Digits", "init_args": {"batch_size": 64}},
}
SCORES = {
    "fid": (11.517005, 0.31), "kid": (0.0123, 0.0011), "is_mean": (9.8436, 0.0121), "is_std": (0.0444, None),
    "precision": (0.8912, 0.0061), "recall": (0.7742, 0.0089), "density": (1.021, 0.013), "coverage": (0.934, 0.004),
    "intra_fid": (31.64, 0.52), "intra_fid_worst": (67.7, 1.9), "accuracy": (0.9974, 0.00072),
    "min_class_share": (0.0986, None),
    "memorised": (0.5312, 0.0082), "train_distance": (3.217, 0.021),
    "train_distance_real": (None, None),
}  # fmt: skip


def card(split, checkpoint, update, **more):
    """An evaluation card with every field."""
    return {
        "fakes": 5000 if split == "test" else 2000,
        "reals": 500 if split == "test" else 200,
        "reference": {"split": split, "images": 500 if split == "test" else 200, "sha256": "b388956d" * 8},
        "extractor": {"name": "digits-classifier", "resize": "bilinear antialiased to 16x16", "sha256": "965ce338" * 8},
        "protocol": "OWN",
        "conventions": {"inception_splits": 10, "neighbours": 3, "density_neighbours": 5},
        "weights": "raw",
        "norm": "running statistics",
        "versions": {"lightning-cgan": "0.1.0", "torch": "2.15.0", "lightning": "2.6.6", "torch-fidelity": "0.4.0"},
        "model": CONFIG["model"]["class_path"],
        "data": CONFIG["data"]["class_path"],
        "precision": "bf16-mixed",
        "processes": 1,
        "device": "cpu",
        "seed": 3,
        "training_seed": 3,
        "update": update,
        "checkpoint": checkpoint and {"name": checkpoint, "sha256": "e57b94cc" * 8},
        "commit": "5aea1a046c0abe4da971a19a3ee619e46a5b07d7",
        "time": "2026-11-21T19:58:00+00:00",
        **more,
    }


def entry(scores, its_card, **more):
    """What ``metrics.json`` holds of one evaluation."""
    return {
        "scores": {name: value for name, (value, _) in scores.items()},
        "standard_errors": {name: error for name, (_, error) in scores.items()},
        "notes": [],
        "card": its_card,
        **more,
    }


def log(updates, every):
    """``metrics.csv`` with falling losses and a rising accuracy."""
    health = ("variance", "variance_class_0", "grad_norm_g", "grad_norm_d")
    train = ("d_fake", "d_real", "loss_d", "loss_g")
    names = [*(f"health/{name}" for name in health), *(f"train/{name}" for name in train)]
    rows = [["epoch", "step", *names, "val/accuracy", "val/fid"]]
    for update in range(every, updates + 1, every):
        fall = every / update
        rows.append([0, update - 1, 1 - fall, 0.9 - fall, 2 - fall, 1 + fall, -fall, fall, 1 + fall, -fall, "", ""])
        rows.append([0, update - 1, *[""] * len(names), 1 - fall, 10 + 800 * fall])
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


def write_digits_run(folder, updates=1000, every=50):
    """A finished and tested run on digits, with everything that a run can write."""
    pictures = folder / "samples"
    pictures.mkdir(parents=True)
    names = [*(f"{update:06d}" for update in range(every, updates + 1, every)), "test"]
    for place, name in enumerate(names):
        Image.effect_noise((PIXELS, PIXELS), 10 + 5 * place).convert("RGB").save(pictures / f"{name}.png")
    Image.effect_noise((562, PIXELS), 50).save(folder / "neighbours.png")
    trainer = CONFIG["trainer"] | {"max_steps": updates}
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG | {"trainer": trainer}))
    (folder / "metrics.csv").write_text(log(updates, every))
    last = {name: (value and value * 0.93, error) for name, (value, error) in SCORES.items()}
    classes = {
        str(n): {"fid": 20.25 + 5 * (n * 7 % 10), "accuracy": 1 - n / 1000, "reals": 50, "fakes": 500}
        for n in range(10)
    }
    note = "train_distance_real needs held-out real images; met none"
    metrics = {
        "val": entry({name: SCORES[name] for name in ("fid", "accuracy")}, card("val", None, updates)),
        "test": entry(SCORES, card("test", "best.ckpt", 750, scored=1), classes=classes, notes=[note]),
        "test_last": entry(last, card("test", "last.ckpt", updates, scored=1), notes=[note]),
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    warning = {"update": 300, "signal": "collapse", "message": "Generated images vary a tenth as much as real ones."}
    (folder / "health.json").write_text(json.dumps([warning, warning | {"update": 350}]))
    return folder
