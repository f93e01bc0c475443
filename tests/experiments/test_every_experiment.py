"""Every experiment file runs for two generator updates on tiny data of its own format."""

import json
from pathlib import Path

import pytest
import yaml

from lightning_cgan.cli import main
from lightning_cgan.metrics.pinned import sha256_of
from tests.conftest import REPOSITORY
from tests.datamodules.sets import write_celeba, write_cifar, write_folders, write_mnist, write_pictures, write_svhn
from tests.metrics.test_extractors import inception_weights  # noqa: F401

FILES = sorted(
    str(path.relative_to(REPOSITORY / "experiments")).removesuffix(".yaml")
    for path in (REPOSITORY / "experiments").rglob("*.yaml")
    if path.parent.name != "cluster"
)
MODEL = "--model.init_args"
NARROW = [f"{MODEL}.{name}.init_args.width=8" for name in ("generator", "discriminator")]
EXTRA = {  # what makes the networks of a file small, or leaves out what it starts from
    "acgan/imagenet128": [f"{MODEL}.generator.init_args.width=8", f"{MODEL}.discriminator.init_args.width=2"],
    "acgan/cifar10_sngan": NARROW,
    "cgan/imagenet128_concat": NARROW,
    "dcgan/lsun64": NARROW,
    "progan/celebahq1024": [f"{MODEL}.{name}.init_args.fmap_max=4" for name in ("generator", "discriminator")],
    "projection/imagenet128_super_resolution": NARROW,
    "projection/digits_finetuned": [f"{MODEL}.start_from=null"],
    "sgan/cifar10": [f"{MODEL}.{name}.init_args.width=8" for name in ("generator", "classifier")],
    "sgan/svhn": [f"{MODEL}.{name}.init_args.width=8" for name in ("generator", "classifier")],
    **{f"projection/{data}": NARROW for data in ("cifar10", "cifar100", "imagenet128")},
    "wgan/lsun64": [f"{MODEL}.long_critic_updates=2"],
    "wgan/digits": [f"{MODEL}.long_critic_updates=2"],
    "wgan/ring": [f"{MODEL}.long_critic_updates=2"],
}


def read(file):
    return yaml.safe_load((REPOSITORY / "experiments" / f"{file}.yaml").read_text())


def root_of(kind, folder, monkeypatch):
    """Where tiny data lie for the data module ``kind``, with more flags that they need; None for embedded data."""
    if kind.startswith("CIFAR"):
        return write_cifar(folder, monkeypatch, kind, count=40), []
    if kind == "MNIST":
        return write_mnist(folder), []
    if kind == "SVHN":
        return write_svhn(folder, monkeypatch), []
    if kind == "CelebA":
        return write_celeba(folder), []
    if kind == "UnlabelledFolder":
        return write_pictures(folder), ["num_workers=0", "share=0.2"]
    if kind == "ImageNet":
        return write_folders(folder), ["num_classes=3", "num_workers=1"]
    return None


@pytest.fixture
def tiny(tmp_path, monkeypatch, inception_weights):  # noqa: F811
    """The flags that make an experiment tiny."""
    inception = {
        "class_path": "lightning_cgan.metrics.extractors.InceptionV3",
        "init_args": {"weights": inception_weights, "sha256": sha256_of(Path(inception_weights))},
    }

    def flags(file):
        data, prefix = read(file)["data"], "--data.init_args"
        few = []
        if data["class_path"].endswith("SemiLabelled"):
            data, few = data["init_args"]["data"], [f"{prefix}.labels_per_class=1"]
            prefix += ".data.init_args"
        options = ["batch_size=2", "validation_fakes=20", "evaluation_batch_size=10"]
        made = root_of(data["class_path"].rpartition(".")[2], tmp_path / "data", monkeypatch)
        if made:
            root, more = made
            options += [f"root={root}", *more]
        # Inception takes seconds for twenty images; once is enough.
        extractor = inception if file == "projection/cifar10" else "tests.metrics.colours.Colours"
        scores = {"class_path": "lightning_cgan.callbacks.scores.Scores", "init_args": {"extractor": extractor}}
        scored = ["--trainer.callbacks", json.dumps([scores])] if made else []
        return [*few, *(f"{prefix}.{option}" for option in options), *scored, *EXTRA.get(file, [])]

    return flags


@pytest.mark.parametrize("file", FILES)
def test_an_experiment_trains_and_validates(file, tiny, tmp_path):
    lengths = [
        "--trainer.max_steps=2",
        "--trainer.val_check_interval=2",
        "--trainer.limit_val_batches=2",
        f"--trainer.default_root_dir={tmp_path / 'run'}",
    ]
    assert main(["fit", f"--config=experiments/{file}.yaml", *lengths, *tiny(file)]) == 0
    assert (tmp_path / "run" / "last.ckpt").is_file()
    assert "val/" in (tmp_path / "run" / "metrics.csv").read_text()


@pytest.mark.parametrize("file", FILES)
def test_a_head_comment_says_where_a_file_comes_from_and_what_it_reaches(file):
    text = (REPOSITORY / "experiments" / f"{file}.yaml").read_text()
    head = text[: text.index("model:")]
    for word in ("# Target:", "# Measured:", "# Hardware:", "# Command:"):
        assert word in head
    assert f"experiments/{file}.yaml" in head or "make demo" in head
