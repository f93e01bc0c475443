"""A small set of two domains and a model that inverts colours: for tests of what stands around translations."""

import torch
from lightning.pytorch import LightningModule, Trainer

from datamodules.core.sources import InMemory
from datamodules.translation import TranslationDataModule
from lightning_cgan.batches import EvalOutput, Paired, PairSpec, Unpaired


class SmallPairs(TranslationDataModule):
    """Image i of a is all grey i in three channels, image i of b its negative in one."""

    def __init__(self, count=10, size=8, **loading):
        self.spec, self.count = PairSpec(3, 1, size), count
        super().__init__(**loading)

    def load(self, split):
        grey = torch.arange(self.count, dtype=torch.uint8) + {"train": 0, "val": 100, "test": 200}[split]
        image = grey.view(-1, 1, 1, 1).expand(-1, 3, self.spec.size, self.spec.size).contiguous()
        label = torch.zeros(self.count, dtype=torch.int64)
        return InMemory(image, label), InMemory(255 - image[:, :1], label)


class SmallUnpaired(SmallPairs):
    training_batch = Unpaired

    def load(self, split):
        a, b = super().load(split)
        return a, InMemory(b.image[: self.count // 2], b.label[: self.count // 2])


class Negative(LightningModule):
    """Knows the answer; notes its batches."""

    training_batch = Paired

    def __init__(self, two_ways=False):
        super().__init__()
        self.automatic_optimization = False
        self.two_ways, self.trained, self.evaluated = two_ways, [], []

    def training_step(self, batch, batch_idx):
        self.trained.append(batch)

    def validation_step(self, batch, batch_idx):
        self.evaluated.append(batch)
        a, b = batch
        there = EvalOutput(b, -a[:, :1], source=a)
        if not self.two_ways:
            return there
        back = EvalOutput(a, -b.expand(-1, 3, -1, -1), source=b, reconstruction=b)
        return there._replace(reconstruction=a, reverse=back)

    test_step = validation_step

    def predict_step(self, batch, batch_idx):
        return EvalOutput(batch.image[:0, :1], -batch.image[:, :1], source=batch.image)

    def configure_optimizers(self):
        return None


def trainer(folder, **options):
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    return Trainer(accelerator="cpu", default_root_dir=folder, use_distributed_sampler=False, **quiet, **options)
