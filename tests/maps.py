"""A small set of label maps and pictures of them, and translations between the two: for tests of their scores."""

import json

import torch
from lightning.pytorch import LightningModule

from datamodules.core.sources import InMemory
from datamodules.translation import TranslationDataModule
from lightning_cgan import keyed
from lightning_cgan.batches import EvalOutput, Paired, PairSpec, Unpaired, to_bytes, to_signed
from lightning_cgan.extractors.segmenter import Segmenter, class_numbers, painted
from tests.translation import trainer

PALETTE = torch.tensor([[0, 0, 170], [255, 85, 0], [0, 255, 85], [200, 200, 200]], dtype=torch.uint8)
COLOURS = torch.tensor([[200, 60, 60], [60, 60, 200], [220, 220, 90], [40, 120, 40]], dtype=torch.uint8)  # in pictures


def drawn_maps(count, size, *key):
    """Classes (count, size, size): a ground, and two rectangles upon it."""
    stream = keyed.generator("maps", *key, seed=0)
    number = torch.zeros(count, size, size, dtype=torch.int64)
    for image in number:
        for _ in range(2):
            x, y = torch.randint(size - 4, (2,), generator=stream).tolist()
            kind = int(torch.randint(1, len(PALETTE), (), generator=stream))
            image[y : y + size // 2, x : x + size // 2] = kind
    return number


def pictured(number, *key):
    """What a picture of such a map looks like: the colours of its classes, with noise."""
    image = painted(number, COLOURS).float()
    noise = torch.randn(image.shape, generator=keyed.generator("noise", *key, seed=0))
    return (image + 60 * noise).clamp(0, 255).to(torch.uint8)


class Maps(TranslationDataModule):
    """Label maps (a) and pictures (b) of 16x16 pixels."""

    palette, labels_in = PALETTE, "a"

    def __init__(self, count=24, **loading):
        self.spec, self.count = PairSpec(3, 3, 16), count
        super().__init__(**loading)

    def load(self, split):
        number, label = drawn_maps(self.count, 16, split), torch.zeros(self.count, dtype=torch.int64)
        return InMemory(painted(number, PALETTE), label), InMemory(pictured(number, split), label)


class UnpairedMaps(Maps):
    """The same images, of which nothing tells which belong together."""

    training_batch = Unpaired

    def load(self, split):
        a, b = super().load(split)
        return a, InMemory(b.image.flip(0)[:-5], b.label[:-5])


class NearestColour(Segmenter):
    """Reads pictures of ``Maps`` by the nearest of their colours, whatever they show."""

    name, sha256, classes = "nearest-colour", "0" * 64, len(COLOURS)

    def forward(self, image):
        return -(image[:, None].float() - COLOURS.float()[:, :, None, None]).square().sum(2)


class Known(LightningModule):
    """Translates label maps to pictures, or pictures to label maps, as ``Maps`` is made.

    Args:
        kind: "true" pictures, without noise; of "shifted" classes; "nan" in place of numbers.
        two_ways: whether it goes back too.
    """

    training_batch = Paired

    def __init__(self, kind="true", two_ways=False):
        super().__init__()
        self.automatic_optimization = False
        self.kind, self.two_ways = kind, two_ways

    def drawn(self, image, read, paint):
        number = class_numbers(to_bytes(image), read)
        number = (number + 1) % len(PALETTE) if self.kind == "shifted" else number
        made = to_signed(painted(number, paint))
        return made * torch.nan if self.kind == "nan" else made

    def translated(self, image, back=False):
        palettes = (COLOURS, PALETTE) if back else (PALETTE, COLOURS)
        return self.drawn(image, *palettes)

    def validation_step(self, batch, batch_idx):
        from_pictures = self.trainer.datamodule.labels_in == "b"
        a, b = batch
        there = self.translated(a, from_pictures)
        outputs = EvalOutput(b, there, source=a)
        if not self.two_ways:
            return outputs
        back = self.translated(b, not from_pictures)
        back = EvalOutput(a, back, source=b, reconstruction=self.translated(back.nan_to_num(), from_pictures))
        return outputs._replace(reconstruction=self.translated(there.nan_to_num(), not from_pictures), reverse=back)

    test_step = validation_step

    def training_step(self, batch, batch_idx):
        return None

    def configure_optimizers(self):
        return None


class Real(Known):
    """Generates the real picture of each label map."""

    def validation_step(self, batch, batch_idx):
        outputs = super().validation_step(batch, batch_idx)
        return outputs._replace(fake=batch.b)

    test_step = validation_step


class Broken(Known):
    """Makes one image in each batch of something else than numbers."""

    def __init__(self):
        super().__init__(two_ways=True)

    def validation_step(self, batch, batch_idx):
        outputs = super().validation_step(batch, batch_idx)
        outputs.fake[0] = torch.nan
        outputs.reconstruction[-1] = torch.inf
        return outputs

    test_step = validation_step


def scored(folder, callback, model, data):
    """The entry that ``callback`` writes of a test; None where it writes none."""
    trainer(folder, callbacks=[callback]).test(model, data, verbose=False)
    path = folder / "metrics.json"
    return json.loads(path.read_text())["test"] if path.is_file() else None
