"""Tiny folders of random images."""

from datamodules.files.label_maps import PALETTES
from tests.datamodules.sets import write_high_resolution, write_pairs, write_pictures, write_unpaired

CROPS = {"num_workers": 0, "size": 32, "load_size": 36}


def pairs(folder, monkeypatch, arguments):
    """Pairs, of which b is a label map in the colours of the palette that the experiment names."""
    palette = arguments.get("palette")
    return {"root": write_pairs(folder, palette=PALETTES[palette] if palette else None)} | CROPS


def pictures(folder, monkeypatch, arguments):
    """Images without classes."""
    return {"root": write_pictures(folder), "num_workers": 0, "share": 0.2}


WRITERS = {
    "PairedFolder": pairs,
    "EdgesFolder": pairs,
    "UnlabelledFolder": pictures,
    "StyleContentFolder": lambda *asked: pictures(*asked) | {"size": 32, "evaluation_batch_size": 2},
    "UnpairedFolder": lambda folder, *_: {"root": write_unpaired(folder)} | CROPS,
    "SuperResolutionFolder": lambda folder, *_: {
        "root": write_high_resolution(folder, size=(120, 110)),
        "num_workers": 0,
    },
}
