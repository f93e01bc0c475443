"""Two processes on the CPU, as torchrun starts them."""

import json
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback

from datamodules import Digits
from lightning_cgan.callbacks.scores.base import on_first_process
from lightning_cgan.errors import UserError
from lightning_cgan.runs.csv_log import read_rows
from tests.conftest import DIGITS, EXTRACTOR, SCORES, TINY, same
from tests.processes import as_processes
from tests.test_resume import callback

TAUGHT = SCORES.replace("updates: 0", "updates: 3").format(EXTRACTOR)
TOLD = "The sky is blue; got red. Set trainer.sky."
DDP = ("--config=experiments/cluster/ddp.yaml", "--trainer.devices=2", "--trainer.accelerator=cpu")


class Diary(Callback):
    """Writes what this process trained on and ended with, for the test to compare."""

    def on_train_start(self, trainer, module):
        self.images = []
        self.noise = None
        module.generator.register_forward_pre_hook(self.remember)

    def remember(self, _, inputs):
        self.noise = inputs[0] if self.noise is None else self.noise

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        self.images.append(batch.image.flatten(0, 1))

    def on_train_end(self, trainer, module):
        entry = {"images": torch.cat(self.images), "noise": self.noise, "weights": dict(module.named_parameters())}
        torch.save(entry, Path(trainer.default_root_dir, f"rank{trainer.global_rank}.pt"))


class LossOfOneProcess(Callback):
    """Spoils the loss of the second process alone; its gradient stays finite."""

    def on_before_backward(self, trainer, module, loss):
        if trainer.global_rank == 1 and trainer.global_step == 3:
            with torch.no_grad():
                loss.fill_(torch.nan)


class Mistake(Callback):
    """Raises a user's mistake at ``moment`` in the processes ``ranks``."""

    def __init__(self, moment: str, ranks: list[int]) -> None:
        self.moment, self.ranks = moment, ranks

    def setup(self, trainer, module, stage):
        self.make("setup", trainer)

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == 2:
            self.make("update", trainer)
            on_first_process(trainer, lambda: self.make("work of the first process", trainer))

    def make(self, moment, trainer):
        if moment == self.moment and trainer.global_rank in self.ranks:
            raise UserError(TOLD)


class DigitsElsewhere(Digits):
    """Its files are missed by the process that prepares them, the first."""

    def prepare_data(self):
        raise UserError(TOLD)


def command(name, folder, *extra, processes=2, cache=None, status=0):
    # One pass over the 1,097 training digits is 5.7 updates of 3 x 64.
    args = [
        name,
        f"--config={DIGITS}",
        SCORES.format(EXTRACTOR),
        *TINY,
        "--model.init_args.n_critic=3",
        "--data.init_args.batch_size=64",
        "--trainer.max_steps=6",
        *(DDP if processes > 1 else ()),
        *extra,
    ]
    args += ["--trainer.val_check_interval=6", f"--trainer.default_root_dir={folder}"]
    environment = {"LIGHTNING_CGAN_CACHE": str(cache)} if cache else {}
    done = as_processes(args, processes, folder.parent / f"printed_{folder.name}", **environment)
    assert [each.status for each in done] == [status] * processes, done
    return done


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run on two processes."""
    folder = tmp_path_factory.mktemp("ddp")
    watch = callback("lightning_cgan.callbacks.Health", every=3)
    command("fit", folder, "--trainer.callbacks+=tests.test_distributed.Diary", watch)
    return folder


@pytest.fixture(scope="module")
def diaries(trained):
    return [torch.load(trained / f"rank{rank}.pt") for rank in (0, 1)]


def test_all_processes_end_with_equal_parameters(diaries):
    assert same(diaries[0]["weights"], diaries[1]["weights"])


def test_a_loss_that_is_nan_in_one_process_ends_all_of_them(tmp_path):
    spoil = "--trainer.callbacks+=tests.test_distributed.LossOfOneProcess"
    last = callback("lightning_cgan.callbacks.LastCheckpoint", every=2)
    done = command("fit", tmp_path / "run", last, spoil, status=3)[0]
    assert "update 4: the loss or gradient of the discriminator in another process is not finite" in done.err
    held = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    assert held["global_step"] == 2
    assert len(json.loads((tmp_path / "run" / "nonfinite.json").read_text())["images"]["order"][0]) == 64


@pytest.mark.parametrize(
    "mistake",
    [
        callback("tests.test_distributed.Mistake", moment="setup", ranks=[0, 1]),
        callback("tests.test_distributed.Mistake", moment="work of the first process", ranks=[0]),
        callback("tests.test_distributed.Mistake", moment="update", ranks=[1]),
        "--data=tests.test_distributed.DigitsElsewhere",
        "--trainer.colour=red",
    ],
)
def test_a_mistake_in_any_process_is_printed_once_and_ends_all_of_them(tmp_path, mistake):
    done = command("fit", tmp_path / "run", mistake, status=2)
    told = TOLD if "colour" not in mistake else "unrecognized arguments: --trainer.colour=red"
    assert "".join(each.err for each in done) == f"lightning-cgan: {told}\n"


def test_processes_that_lightning_starts_end_with_the_mistake_of_one_of_them(tmp_path):
    mistake = callback("tests.test_distributed.Mistake", moment="update", ranks=[1])
    (done,) = command("fit", tmp_path / "run", *DDP, mistake, processes=1, status=2)
    assert done.err == f"lightning-cgan: {TOLD}\n"


def test_each_process_draws_noise_of_its_own(diaries):
    assert diaries[0]["noise"].shape == (32, 128)
    assert not torch.equal(diaries[0]["noise"], diaries[1]["noise"])


def test_every_image_of_an_epoch_is_seen_once_by_one_process(diaries):
    from lightning_cgan.batches import to_bytes

    shares = [to_bytes(diary["images"]).view(-1, 3, 32, 256) for diary in diaries]
    seen = torch.cat(shares, 2).flatten(0, 2)[:1097]  # within a batch the order does not matter
    expected = Digits().source("train").image.flatten(1)
    batches = len(seen) // 64 * 64
    assert {bytes(row) for row in seen[:batches].numpy()} <= {bytes(row) for row in expected.numpy()}
    assert sorted(bytes(row) for row in seen.numpy()[:batches]) == sorted(
        bytes(row) for row in expected[single_process_order()[:batches]].numpy()
    )


def single_process_order():
    from datamodules.core.order import TrainingOrder

    return torch.cat([TrainingOrder(1097, (3, 64)).positions(step).image.flatten() for step in range(6)])[:1097]


def test_the_first_process_tells_how_the_run_fares(trained):
    rows = [row for row in read_rows(trained / "metrics.csv")[1] if row["health/variance"]]
    assert [int(row["step"]) for row in rows] == [2, 5]
    assert all(float(row["health/grad_norm_ratio"]) > 0 for row in rows)


def test_what_is_scored_while_training_is_what_the_checkpoint_holds(trained, scores, tmp_path):
    command("validate", tmp_path / "one", f"--ckpt_path={trained / 'last.ckpt'}", processes=1)
    alone = scores("one")["val"]["scores"]
    assert json.loads((trained / "metrics.json").read_text())["val"]["scores"] == alone


def test_two_processes_score_a_checkpoint_as_one_does(trained, scores, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    # 39 batches: the second process gets an empty one. Neither finds features that the other has kept.
    own = [f"--ckpt_path={trained / 'last.ckpt'}", "--data.init_args.evaluation_batch_size=13", TAUGHT]
    command("test", one, *own, processes=1, cache=tmp_path / "features_one")
    command("test", two, *own, cache=tmp_path / "features_two")
    alone, together = scores("one")["test"], scores("two")["test"]
    assert alone["card"]["reals"] == together["card"]["reals"] == 500
    assert (alone["card"]["processes"], together["card"]["processes"]) == (1, 2)
    own = {"processes", "time", "device"}
    assert {name for name, said in alone["card"].items() if together["card"][name] != said} <= own
    for kind in ("scores", "standard_errors"):
        assert without_null(alone[kind]) == pytest.approx(without_null(together[kind]), rel=1e-6)
        assert alone[kind].keys() >= {"fid", "kid", "recall", "memorised", "intra_fid", "gan_train"}
    assert all(alone["classes"][label] == pytest.approx(together["classes"][label]) for label in "0123456789")
    assert (one / "neighbours.png").read_bytes() == (two / "neighbours.png").read_bytes()
    assert same_files(tmp_path / "features_one", tmp_path / "features_two")


def without_null(numbers):
    return {name: number for name, number in numbers.items() if number is not None}


def same_files(one, two):
    """Whether two folders hold the same files."""
    names = sorted(path.name for path in one.iterdir())
    equal = [(one / name).read_bytes() == (two / name).read_bytes() for name in names]
    return names == sorted(path.name for path in two.iterdir()) and len(names) == 2 and all(equal)
