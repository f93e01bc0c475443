import pytest
from lightning.pytorch import Trainer

import lightning_cgan
from lightning_cgan.clock import endless_epoch, updates_of_run
from lightning_cgan.errors import UserError

DIGITS = ("experiments/gan/digits.yaml", "--data.init_args.batch_size=600")  # 1,097 images: two updates an epoch


class Asks(Trainer):
    """Trains nothing: what is asked for here is known when training would begin."""

    def __init__(self, **options):
        super().__init__(
            accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, check_val_every_n_epoch=None, use_distributed_sampler=False, **options,
        )  # fmt: skip

    def _run_stage(self):
        self.found = updates_of_run(self), endless_epoch(self), len(self.datamodule.train_dataloader())


@pytest.mark.parametrize(
    ("length", "found"),
    [
        ({"max_steps": 7}, (7, 7, 7)),
        ({"max_epochs": 3}, (6, None, 2)),
        ({"max_epochs": 3, "max_steps": 5}, (5, None, 2)),
        ({"max_epochs": 3, "max_steps": 9}, (6, None, 2)),
        ({"max_epochs": 3, "limit_train_batches": 1}, (3, None, 2)),
        ({"max_epochs": 3, "limit_train_batches": 0.5}, (3, None, 2)),
        ({"fast_dev_run": 1, "max_steps": 9}, (1, None, 2)),
    ],
)
def test_a_run_is_as_long_as_max_steps_or_as_its_epochs(length, found):
    model, data = lightning_cgan.build(*DIGITS)
    asks = Asks(**length)
    asks.fit(model, datamodule=data)
    assert asks.found == found


def test_a_run_without_an_end_is_refused_before_it_trains():
    model, data = lightning_cgan.build(*DIGITS)
    with pytest.raises(UserError, match=r"length of the run.*max_steps=-1 and max_epochs=-1.*Set max_steps"):
        Asks(max_epochs=-1).fit(model, datamodule=data)
