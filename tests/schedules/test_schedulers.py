"""The learning rate of an update is a function of the update and the length of the run."""

import json

import pytest
from lightning.pytorch import Callback, Trainer
from torch import nn
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import OneCycleLR

import lightning_cgan
from lightning_cgan.schedules.learning_rate import ConstantThenLinear, constant, cosine
from lightning_cgan.schedules.schedulers import OneCycle, Scheduled
from tests.experiments.tiny import model_flags

FALLING = [
    "--model.init_args.schedule=lightning_cgan.schedules.ConstantThenLinear",
    "--model.init_args.schedule.init_args.start=0",
]
falling = ConstantThenLinear(0)
OF_ITS_OWN = "progan/digits"  # a paper whose schedule is not an argument
FILES = (
    *(
        "acgan/digits",
        "cgan/digits",
        "cyclegan/facades",
        "dcgan/digits",
        "gan/digits",
        "pix2pix/facades",
        "sgan/digits",
    ),
    *("perceptual_super_resolution/photos", "sgan/digits_supervised", "srgan/photos", "srresnet/photos"),
    *(
        "style_transfer/photos",
        "wgan/digits",
        "wgan_gp/digits",
        "projection/digits",
        "projection/digits_super_resolution",
        OF_ITS_OWN,
    ),
)
ONE_CYCLE = ("classifier/digits", "features/photos", "pose_regressor/poses", "segmenter/facades")


def trainer(**length):
    return Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, limit_val_batches=0, check_val_every_n_epoch=None, use_distributed_sampler=False,
        **length,
    )  # fmt: skip


def optimisers(file, updates):
    """Optimizers and schedulers of the experiment for a run of so many ``updates``, and the model."""
    model, _ = lightning_cgan.build(
        f"experiments/{file}.yaml",
        *model_flags(file),
        *FALLING * (file in FILES and file != OF_ITS_OWN),
    )
    model.trainer = trainer(max_steps=updates)
    return *model.configure_optimizers(), model


def resumed(file, updates):
    """The rates of updates 0 to 6, as (optimizer, scheduler) pairs, and those of update 7 in a run of 20 updates."""
    optimizers, schedulers, model = optimisers(file, updates)
    rates = []
    for _ in range(7):
        rates.append([optimizer.param_groups[0]["lr"] for optimizer in optimizers])
        for optimizer, scheduler in zip(optimizers, schedulers, strict=True):
            optimizer.step()
            scheduler.step()
    model.trainer = trainer(max_steps=20)
    longer = model.configure_optimizers()
    for before, now in zip([*optimizers, *schedulers], [*longer[0], *longer[1]], strict=True):
        now.load_state_dict(before.state_dict())
    return rates, longer[0], model


@pytest.mark.parametrize("file", FILES)
def test_every_papers_rates_follow_update_and_length_also_right_after_a_longer_max_steps(file):
    rates, longer, model = resumed(file, 10)
    factor = model.schedule if file == OF_ITS_OWN else falling
    base = [optimizer.param_groups[0]["initial_lr"] for optimizer in longer]
    for update, of_update in enumerate(rates):
        assert of_update == pytest.approx([rate * factor(update, 10) for rate in base])
    assert [one.param_groups[0]["lr"] for one in longer] == pytest.approx([rate * factor(7, 20) for rate in base])


@pytest.mark.parametrize("file", ONE_CYCLE)
def test_one_cycle_is_that_of_the_run_also_right_after_a_longer_max_steps(file):
    _, (optimizer,), model = resumed(file, 10)
    fresh = model.optimizer(model.parameters())
    cycle = OneCycleLR(fresh, max_lr=fresh.defaults["lr"], total_steps=20)
    for _ in range(7):
        fresh.step()
        cycle.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(fresh.param_groups[0]["lr"])
    assert optimizer.param_groups[0]["betas"] == pytest.approx(fresh.param_groups[0]["betas"])


def one_weight(kind=SGD):
    return kind([nn.Parameter(nn.Linear(1, 1).weight.detach())], lr=1.0)


@pytest.mark.parametrize(
    ("schedule", "said"), [(falling, True), (cosine, True), (constant, False), (ConstantThenLinear(), True)]
)
def test_that_a_schedule_is_stretched_is_said_once_and_only_where_a_rate_changes(schedule, said, capsys):
    held = Scheduled(one_weight(), schedule, 10, reports=True).state_dict()
    for reports in (True, False):
        Scheduled(one_weight(), schedule, 20, reports).load_state_dict(held)
    line = "the learning-rate schedule now runs to update 20 instead of 10\n"
    assert capsys.readouterr().out == line * said


def test_a_cycle_that_is_stretched_is_said_and_one_that_is_not_is_left_alone(capsys):
    held = OneCycle(one_weight(AdamW), 10).state_dict()
    OneCycle(one_weight(AdamW), 10).load_state_dict(held)
    assert capsys.readouterr().out == ""
    OneCycle(one_weight(AdamW), 20).load_state_dict(held)
    assert capsys.readouterr().out == "the learning-rate schedule now runs to update 20 instead of 10\n"


def test_a_checkpoint_of_an_earlier_version_which_does_not_say_its_length_is_read(capsys):
    held = Scheduled(one_weight(), falling, 10).state_dict()
    del held["updates"]
    optimizer = one_weight()
    Scheduled(optimizer, falling, 20).load_state_dict(held | {"last_epoch": 5})
    assert optimizer.param_groups[0]["lr"] == 0.75
    assert capsys.readouterr().out == ""


class Steps(Callback):
    """Keeps the rate of every optimizer step."""

    def __init__(self):
        self.rates = []

    def on_before_optimizer_step(self, trainer, module, optimizer):
        self.rates.append(optimizer.param_groups[0]["lr"])


class Rates(Steps):
    """Writes them down."""

    def on_fit_end(self, trainer, module):
        with open(f"{trainer.default_root_dir}/rates.jsonl", "a") as file:
            file.write(json.dumps(self.rates) + "\n")


def test_the_command_resumes_with_the_rates_of_the_longer_run_from_its_first_update(run, tmp_path, capsys):
    watch = "--trainer.callbacks+=tests.schedules.test_schedulers.Rates"
    plain = ["--model.init_args.n_critic=1", "--trainer.limit_val_batches=0", watch]
    assert run("fit", *plain, steps=2) == run("fit", *plain, steps=4) == 0
    first, second = map(json.loads, (tmp_path / "run" / "rates.jsonl").read_text().splitlines())
    assert [rate / first[0] for rate in first] == pytest.approx([1, 1, 0.5, 0.5])
    assert [rate / first[0] for rate in second] == pytest.approx([0.5, 0.5, 0.25, 0.25])  # updates 2 and 3 of 4
    said = capsys.readouterr().out
    assert said.count("the learning-rate schedule now runs to update 4 instead of 2") == 1


@pytest.mark.parametrize(("length", "updates"), [({"max_epochs": 2}, 4), ({"max_epochs": 2, "max_steps": 3}, 3)])
def test_a_stock_trainer_that_counts_epochs_trains_at_the_rates_of_its_length(length, updates):
    model, data = lightning_cgan.build("experiments/gan/digits.yaml", "--data.init_args.batch_size=600", *FALLING)
    watched = Steps()
    fitted = trainer(**length, callbacks=[watched])
    fitted.fit(model, datamodule=data)
    assert fitted.global_step == updates
    for rates in (watched.rates[::2], watched.rates[1::2]):
        assert [rate / rates[0] for rate in rates] == pytest.approx([1 - update / updates for update in range(updates)])
