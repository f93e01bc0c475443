"""What makes an experiment tiny: data of its own format, small networks, and none of what it starts from."""

import json
from pathlib import Path
from pydoc import locate

import pytest
import yaml

from datamodules.files.label_maps import PALETTES
from datamodules.labelled import LabelledDataModule
from lightning_cgan.extractors.weights_registry import sha256_of
from tests.conftest import REPOSITORY
from tests.datamodules.sets import (
    write_celeba,
    write_cifar,
    write_folders,
    write_high_resolution,
    write_mnist,
    write_pairs,
    write_pictures,
    write_svhn,
    write_unpaired,
)
from tests.extractors.test_extractors import inception_weights  # noqa: F401

MODEL = "--model.init_args"


def widths(**networks):
    """Flags for the widths of ``networks``."""
    return [f"{MODEL}.{name}.init_args.width={width}" for name, width in networks.items()]


NARROW = widths(generator=8, discriminator=8)
CYCLE = [
    f"{MODEL}.generator.class_path=lightning_cgan.networks.resnet_translation.ResNet",
    f"{MODEL}.generator.init_args.blocks=1",
    f"{MODEL}.discriminator.class_path=lightning_cgan.networks.patchgan.PatchGAN",
    f"{MODEL}.discriminator.init_args.layers=1",
    *NARROW,
]
UNET = [
    f"{MODEL}.generator.class_path=lightning_cgan.networks.unet.UNet",
    f"{MODEL}.discriminator.class_path=lightning_cgan.networks.patchgan.PatchGAN",
    f"{MODEL}.discriminator.init_args.layers=1",
    *NARROW,
]
SRRESNET = [*widths(generator=8), f"{MODEL}.generator.init_args.blocks=1"]
SRGAN = [*SRRESNET, *widths(discriminator=2), f"{MODEL}.init_checkpoint=null"]
STYLE = [
    f"{MODEL}.generator.class_path=lightning_cgan.networks.style.StyleNetwork",
    f"{MODEL}.generator.init_args.blocks=1",
    *widths(generator=2),
]
EXTRA = {  # what makes the networks of a file small, or leaves out what it starts from
    "acgan/imagenet128": widths(generator=8, discriminator=2),
    "acgan/cifar10_sngan": NARROW,
    "cgan/imagenet128_concat": NARROW,
    "dcgan/lsun64": NARROW,
    "progan/celebahq1024": [f"{MODEL}.{name}.init_args.fmap_max=4" for name in ("generator", "discriminator")],
    "projection/imagenet128_super_resolution": NARROW,
    "projection/digits_finetuned": [f"{MODEL}.init_checkpoint=null"],
    **{f"cyclegan/{data}": CYCLE for data in ("cityscapes128", "horse2zebra", "summer2winter")},
    **{f"cyclegan/{data}": NARROW for data in ("facades", "facades_no_cycle", "day2night")},
    **{f"discogan/{data}": NARROW for data in ("poses", "poses_gan", "poses_cars_to_chairs")},
    **{f"discogan/{data}": NARROW for data in ("edges2shoes", "celeba_gender")},
    "pose_regressor/poses": [f"{MODEL}.width=4"],
    **{f"pix2pix/{data}": UNET for data in ("cityscapes256", "cityscapes256_reverse", "edges2shoes256", "facades256")},
    **{f"pix2pix/{data}": UNET for data in ("maps256", "maps256_reverse")},
    **{f"pix2pix/{data}": NARROW for data in ("facades", "facades_cgan", "facades_reverse")},
    "pix2pix/facades_l1": widths(generator=8),
    "features/photos": [f"{MODEL}.width=4"],
    "srgan/photos": SRGAN,
    "srgan/div2k_x4": [*SRGAN, f"{MODEL}.features=lightning_cgan.extractors.PhotoPatches"],
    "style_transfer/photos": STYLE,
    "style_transfer/coco": [*STYLE, f"{MODEL}.features=lightning_cgan.extractors.PhotoPatches"],
    "segmenter/facades": [f"{MODEL}.width=4"],
    "segmenter/cityscapes256": [f"{MODEL}.width=4", "--trainer.precision=32"],
    **{f"srresnet/{data}": SRRESNET for data in ("photos", "photos_paper", "photos_x2", "div2k_x4")},
    "sgan/cifar10": widths(generator=8, classifier=8),
    "sgan/svhn": widths(generator=8, classifier=8),
    **{f"projection/{data}": NARROW for data in ("cifar10", "cifar100", "imagenet128")},
    "wgan/lsun64": [f"{MODEL}.n_critic_warmup=2"],
    "wgan/digits": [f"{MODEL}.n_critic_warmup=2"],
    "wgan/ring": [f"{MODEL}.n_critic_warmup=2"],
}
NOTHING_DRAWN = ("PhotoIdentity", "PhotoCrops", "StyleContentFolder")  # labelled, but for papers that draw nothing
SMALL = {  # of data modules that draw or cut their images themselves
    "Facades": ["size=32", "pictures=4", "validation_pictures=4", "test_pictures=4", "evaluation_batch_size=2"],
    "GaussianPairs": ["points=40", "evaluation_batch_size=20"],
    "Poses": ["objects=2", "validation_objects=2", "evaluation_batch_size=10"],
    "PhotoIdentity": ["each=1"],
    "PhotoCrops": ["each=1", "size=32"],
    "PoseViews": ["objects=2", "validation_objects=2"],
}


def read(file):
    return yaml.safe_load((REPOSITORY / "experiments" / f"{file}.yaml").read_text())


def root_of(kind, folder, monkeypatch, palette=None):
    """Where tiny data lie for the data module ``kind``, with more flags that they need; None for embedded data.

    Label maps are drawn in the colours of ``palette``, the name of a published one.
    """
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
    if kind == "StyleContentFolder":
        return write_pictures(folder), ["num_workers=0", "share=0.2", "size=32", "evaluation_batch_size=2"]
    if kind == "ImageNet":
        return write_folders(folder), ["num_classes=3", "num_workers=1"]
    if kind in ("PairedFolder", "EdgesFolder"):
        pairs = write_pairs(folder, palette=PALETTES[palette] if palette else None)
        return pairs, ["num_workers=0", "size=32", "load_size=36"]
    if kind == "UnpairedFolder":
        return write_unpaired(folder), ["num_workers=0", "size=32", "load_size=36"]
    if kind == "SuperResolutionFolder":
        return write_high_resolution(folder, size=(120, 110)), ["num_workers=0"]
    return None


def innermost(data, prefix="--data.init_args"):
    """The data module below all views, and the prefix of its flags."""
    held = data.get("init_args", {}).get("data")
    return innermost(held, f"{prefix}.data.init_args") if held else (data, prefix)


def with_extractor(file, extractor):
    """The callbacks of the file, which look at images by ``extractor``."""
    callbacks = []
    for callback in read(file)["trainer"].get("callbacks", []):
        callback = {"class_path": callback} if isinstance(callback, str) else callback
        if "extractor" in callback.get("init_args", {}):
            callback["init_args"]["extractor"] = extractor
        callbacks.append(callback)
    return callbacks


@pytest.fixture
def tiny(tmp_path, monkeypatch, inception_weights):  # noqa: F811
    """The flags that make an experiment tiny."""
    inception = {
        "class_path": "lightning_cgan.extractors.InceptionV3",
        "init_args": {"weights": inception_weights, "sha256": sha256_of(Path(inception_weights))},
    }

    def flags(file):
        whole = read(file)["data"]
        data, prefix = innermost(whole)
        kind = data["class_path"].rpartition(".")[2]
        few = ["--data.init_args.labels_per_class=1"] if whole["class_path"].endswith("SemiLabelled") else []
        labelled = issubclass(locate(data["class_path"]), LabelledDataModule) and kind not in NOTHING_DRAWN
        options = ["batch_size=2", *(["validation_fakes=20", "evaluation_batch_size=10"] if labelled else [])]
        options += SMALL.get(kind, [])
        made = root_of(kind, tmp_path / "data", monkeypatch, data.get("init_args", {}).get("palette"))
        if made:
            root, more = made
            options += [f"root={root}", *more]
        # Inception takes seconds for twenty images; once is enough.
        extractor = inception if file == "projection/cifar10" else "tests.metrics.colours.Colours"
        scored = ["--trainer.callbacks", json.dumps(with_extractor(file, extractor))] if made else []
        return [*few, *(f"{prefix}.{option}" for option in options), *scored, *EXTRA.get(file, [])]

    return flags
