"""Papers without the command line: with a stock Trainer, in a notebook cell, and with a user's own parts."""

import asyncio
import sys
from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything

from datamodules import Digits, Facades
from lightning_cgan.batches import ImageSpec, PairSpec
from lightning_cgan.cli.lightning import main
from lightning_cgan.errors import UserError
from lightning_cgan.networks import sngan
from lightning_cgan.papers import Pix2Pix, ProjectionGAN
from lightning_cgan.schedules import constant
from tests.conftest import same

QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
NARROW = {name: partial(getattr(sngan, name.title()), width=8) for name in ("generator", "discriminator")}
DATA = {"size": 16, "batch_size": 4, "validation_fakes": 20, "test_fakes": 20}

MINE = """
import torch
from lightning.pytorch import Callback, LightningDataModule
from torch import nn
from torch.utils.data import DataLoader

from lightning_cgan.batches import EvalBatch, ImageSpec, Labelled, LatentBatch
from lightning_cgan.optimize import Adam, logit_means, optimizer_step
from lightning_cgan.papers import ClassConditional


class Data(LightningDataModule):
    spec = ImageSpec(channels=1, size=8, num_classes=2)

    def train_dataloader(self):
        image, label = torch.linspace(-1, 1, 256).view(1, 4, 1, 8, 8), torch.tensor([[0, 1, 0, 1]])
        return DataLoader([Labelled(image, label)] * 4, batch_size=None)

    def val_dataloader(self):
        label = torch.tensor([0, 1])
        return DataLoader([EvalBatch(torch.zeros(2, 1, 8, 8), label, LatentBatch(label, label))], batch_size=None)


class Generator(nn.Module):
    latent_dim = 3

    def __init__(self, spec, width: int = 4):
        super().__init__()
        self.label = nn.Embedding(spec.num_classes, width)
        self.noise, self.image = nn.Linear(3, width), nn.Linear(width, spec.channels * spec.size**2)
        self.shape = spec.channels, spec.size, spec.size

    def forward(self, noise, label):
        return self.image(self.noise(noise) + self.label(label)).tanh().unflatten(1, self.shape)


class Discriminator(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.label, self.image = nn.Embedding(spec.num_classes, 1), nn.Linear(spec.channels * spec.size**2, 1)

    def forward(self, image, label):
        return (self.image(image.flatten(1)) + self.label(label)).squeeze(1)


class Paper(ClassConditional):
    def __init__(self, spec: ImageSpec, width: int = 4, lr: float = 1e-3) -> None:
        super().__init__(spec)
        self.generator, self.discriminator = Generator(spec, width), Discriminator(spec)
        self.optimizer_factories = dict.fromkeys(["generator", "discriminator"], lambda p: Adam(p, lr=lr))

    def update(self, batch):
        generator_optimizer, discriminator_optimizer = self.optimizer_list()
        (image,), (label,) = batch
        with self.toggled_optimizer(discriminator_optimizer):
            logits = self.discriminator(image, label), self.discriminator(*self.fakes(len(image)))
            loss_d = logits[1].mean() - logits[0].mean()
            optimizer_step(self, discriminator_optimizer, loss_d)
        with self.toggled_optimizer(generator_optimizer):
            loss_g = -self.discriminator(*self.fakes(len(image))).mean()
            optimizer_step(self, generator_optimizer, loss_g, count=True)
        return {"loss_d": loss_d, "loss_g": loss_g} | logit_means(*logits)


class Watch(Callback):
    seen = []

    def on_validation_batch_end(self, trainer, module, outputs, *_):
        self.seen.append((trainer.global_step, outputs.fake.shape, outputs.fake_label.tolist()))
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The module of a user's file, in a folder that holds nothing else."""
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("mine")
    del sys.modules["mine"]


def projection(**options):
    seed_everything(0, verbose=False)
    data = Digits(**DATA)
    return ProjectionGAN(data.spec, n_critic=2, **NARROW, **options), data


def test_a_paper_trains_validates_saves_resumes_and_loads_with_a_stock_trainer(tmp_path):
    model, data = projection(schedule=constant)  # which does not depend on the length of the run
    trainer = Trainer(max_steps=2, default_root_dir=tmp_path, **QUIET)
    trainer.fit(model, data)
    trainer.validate(model, data)
    saved = trainer.checkpoint_callback.best_model_path
    again = ProjectionGAN.load_from_checkpoint(saved, spec=data.spec, n_critic=2, **NARROW)
    assert same(dict(again.state_dict()), dict(model.state_dict()))
    assert torch.equal(again.eval().sample(2, label=3), model.eval().sample(2, label=3))

    longer = Trainer(max_steps=4, default_root_dir=tmp_path, logger=False, enable_checkpointing=False, **QUIET)
    resumed, data = projection(schedule=constant)
    longer.fit(resumed, data, ckpt_path=saved)
    whole, data = projection(schedule=constant)
    Trainer(max_steps=4, logger=False, enable_checkpointing=False, **QUIET).fit(whole, data)
    assert same(dict(resumed.state_dict()), dict(whole.state_dict()))


def test_a_checkpoint_of_a_script_says_what_loading_it_needs(tmp_path):
    model, data = projection()
    trainer = Trainer(max_steps=1, default_root_dir=tmp_path, limit_val_batches=0, **QUIET)
    trainer.fit(model, data)
    with pytest.raises(UserError, match=r"Trainer in a script. Call load_from_checkpoint of the model's class"):
        ProjectionGAN.load_from_checkpoint(trainer.checkpoint_callback.best_model_path)


def test_a_script_trains_to_the_bits_of_the_command_line(tmp_path):
    model, data = projection()
    Trainer(max_steps=3, logger=False, enable_checkpointing=False, **QUIET).fit(model, data)
    flags = [f"--data.init_args.{name}={value}" for name, value in DATA.items()]
    flags += [f"--model.init_args.{name}=lightning_cgan.networks.sngan.{name.title()}" for name in NARROW]
    flags += [f"--model.init_args.{name}.init_args.width=8" for name in NARROW]
    flags += ["--model.init_args.n_critic=2", "--trainer.max_steps=3", "--trainer.limit_val_batches=0"]
    names = ["--model=lightning_cgan.papers.ProjectionGAN", "--data=datamodules.Digits"]
    assert main(["fit", *names, *flags, f"--trainer.default_root_dir={tmp_path}"]) == 0
    assert same(dict(model.state_dict()), torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"])


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"gradient_clip_val": 1.0}, r"takes the optimizer steps itself.*; got trainer.gradient_clip_val 1.0. Set "),
        (
            {"accumulate_grad_batches": 2},
            "got trainer.accumulate_grad_batches 2. Set .* to 1",
        ),
        ({"overfit_batches": 1}, "orders the training images itself.*; got trainer.overfit_batches 1. Set "),
        ({"max_steps": -1, "max_epochs": -1}, "length of the run.*max_steps=-1 and max_epochs=-1.*Set max_steps"),
    ],
)
@pytest.mark.parametrize("paper", [projection, lambda: (Pix2Pix(PairSpec(3, 3, 32)), Facades(size=32, pictures=2))])
def test_a_setting_of_the_trainer_that_a_paper_cannot_honour_is_told_in_one_line_before_the_first_update(
    setting, said, paper
):
    model, data = paper()
    trainer = Trainer(**{"max_steps": 1} | setting, logger=False, enable_checkpointing=False, **QUIET)
    with pytest.raises(UserError, match=said) as told:
        trainer.fit(model, data)
    assert "\n" not in str(told.value)
    assert trainer.global_step == 0


def test_data_of_another_kind_are_refused_before_the_first_update():
    with pytest.raises(UserError, match="Pix2Pix learns from data of two domains; got data of one domain"):
        Pix2Pix(ImageSpec(3, 32))
    trainer = Trainer(max_steps=1, logger=False, enable_checkpointing=False, **QUIET)
    with pytest.raises(UserError, match="Pix2Pix trains on Paired batches; Digits gives Labelled ones"):
        trainer.fit(Pix2Pix(PairSpec(3, 3, 32)), Digits(**DATA))


def test_images_of_another_shape_than_the_models_are_refused_before_the_first_update():
    told = r"ProjectionGAN was made for ImageSpec\(channels=1, size=32.*, Digits has ImageSpec\(channels=1, size=16"
    with pytest.raises(UserError, match=told):
        Trainer(max_steps=1, logger=False, **QUIET).fit(ProjectionGAN(ImageSpec(1, 32, 10)), Digits(**DATA))


def test_validation_batches_that_are_no_records_are_refused_with_what_was_got():
    pairs = torch.utils.data.DataLoader([(torch.zeros(1, 16, 16), 3)], batch_size=1)
    told = r"evaluated on batches lightning_cgan.batches.EvalBatch \(image, label, latent\); got a list of float32"
    with pytest.raises(UserError, match=told):
        Trainer(logger=False, **QUIET).validate(ProjectionGAN(ImageSpec(1, 16, 10), **NARROW), pairs)


def test_a_users_own_paper_network_data_and_callback_work_from_python(mine):
    data, paper = mine.Data(), mine.Paper(mine.Data.spec)
    gan = ProjectionGAN(data.spec, mine.Generator, mine.Discriminator, n_critic=1)
    for model in (paper, gan):
        watch = mine.Watch()
        options = {"logger": False, "enable_checkpointing": False, "log_every_n_steps": 1, "callbacks": [watch]}
        trainer = Trainer(max_steps=4, **options, **QUIET)
        trainer.fit(model, data)
        assert watch.seen.pop() == (4, (2, 1, 8, 8), [0, 1])
        assert trainer.callback_metrics.keys() == {"train/loss_d", "train/loss_g", "train/d_real", "train/d_fake"}
        assert model.eval().sample(3, label=1).shape == (3, 1, 8, 8)


@pytest.mark.parametrize("own", ["mine.Paper", "lightning_cgan.papers.ProjectionGAN"])
def test_a_users_own_paper_network_data_and_callback_work_by_class_path(mine, own):
    networks = [f"--model.init_args.{name}=mine.{name.title()}" for name in NARROW]
    flags = networks if own != "mine.Paper" else ["--model.init_args.width=5"]
    lengths = ["--trainer.max_steps=2", "--trainer.val_check_interval=2", "--trainer.default_root_dir=run"]
    assert main(["fit", f"--model={own}", "--data=mine.Data", "--trainer.callbacks=mine.Watch", *flags, *lengths]) == 0
    assert mine.Watch.seen.pop() == (2, (2, 1, 8, 8), [0, 1])


def test_a_paper_is_written_and_trained_in_a_notebook_cell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = [
        MINE,
        f"from lightning.pytorch import Trainer\ntrainer = Trainer(max_steps=2, default_root_dir='.', **{QUIET!r})",
        "paper = Paper(Data.spec)\ntrainer.fit(paper, Data())",
        "again = Paper.load_from_checkpoint(trainer.checkpoint_callback.best_model_path, spec=Data.spec)",
    ]
    notebook = {"__name__": "__main__"}

    async def kernel():  # cells run inside of an event loop, and have no file
        for cell in cells:
            exec(cell, notebook)

    asyncio.run(kernel())
    assert same(dict(notebook["again"].state_dict()), dict(notebook["paper"].state_dict()))
