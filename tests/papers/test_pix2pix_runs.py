"""Whole runs of pix2pix: stopped, in low precision, from the command line."""

import pytest
import torch
from lightning.pytorch import Callback
from torchvision.io import read_image

from lightning_cgan.batches import PairSpec
from lightning_cgan.cli.lightning import main
from lightning_cgan.networks.patchgan import PatchGAN
from lightning_cgan.networks.unet import UNet
from lightning_cgan.papers.pix2pix import Pix2Pix
from tests.conftest import same
from tests.translation import SmallPairs, trainer


def model(**options):
    torch.manual_seed(0)
    return Pix2Pix(
        PairSpec(3, 1, 8),
        generator=lambda s: UNet(s, width=4),
        discriminator=lambda c: PatchGAN(c, layers=1, width=4),
        schedule=lambda update, _: 1 - update / 10,
        **options,
    )


def trained(folder, updates, ckpt_path=None, **options):
    """The checkpoint after so many updates of a run."""
    runner = trainer(folder, max_steps=updates, limit_val_batches=0)
    runner.fit(model(**options), SmallPairs(size=8, batch_size=2), ckpt_path=ckpt_path)
    path = folder / f"{updates}.ckpt"
    runner.save_checkpoint(path)
    return path


@pytest.mark.parametrize("gan_weight", [1.0, 0.0])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, gan_weight):
    whole = trained(tmp_path, 7, gan_weight=gan_weight).rename(tmp_path / "whole.ckpt")
    saved = trained(tmp_path, 3, gan_weight=gan_weight)
    resumed = trained(tmp_path, 7, ckpt_path=saved, gan_weight=gan_weight)
    straight, again = (torch.load(path, weights_only=True) for path in (whole, resumed))
    for part in ("state_dict", "optimizer_states", "lr_schedulers"):
        assert same(straight[part], again[part]), part
    assert len(again["optimizer_states"]) == len(again["lr_schedulers"]) == 1 + bool(gan_weight)
    assert again["optimizer_states"][0]["param_groups"][0]["lr"] == pytest.approx(2e-4 * 0.3)


class Ends(Callback):
    """Writes the parameters that each process ends with."""

    def on_train_end(self, trainer, module):
        torch.save(dict(module.named_parameters()), f"{trainer.default_root_dir}/rank{trainer.global_rank}.pt")


def test_two_processes_end_with_equal_parameters(tmp_path):
    module = model()
    before = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
    together = {"devices": 2, "strategy": "ddp_fork_find_unused_parameters_true"}
    runner = trainer(tmp_path, max_steps=2, limit_val_batches=0, callbacks=[Ends()], **together)
    runner.fit(module, SmallPairs(size=8, batch_size=4))
    one, other = (torch.load(tmp_path / f"rank{rank}.pt") for rank in (0, 1))
    assert same(one, other)
    assert not any(torch.equal(one[name], before[name]) for name in before if name.endswith("weight"))


FACADES = [
    "--config=experiments/pix2pix/facades.yaml",
    "--data.init_args.size=32",
    "--data.init_args.pictures=4",
    "--data.init_args.validation_pictures=2",
    "--data.init_args.test_pictures=2",
    "--model.init_args.generator.init_args.width=4",
    "--model.init_args.discriminator.init_args.width=4",
    "--trainer.callbacks=[lightning_cgan.callbacks.TranslationGrid]",
]


def test_a_run_in_low_precision_translates_wider_streets_by_tiles(tmp_path):
    flags = [
        *FACADES,
        f"--trainer.default_root_dir={tmp_path}",
        "--trainer.max_steps=2",
        "--trainer.val_check_interval=2",
    ]
    assert main(["fit", *flags]) == 0
    wide = ["--data.init_args.street=2", "--model.init_args.tile=32", "--model.init_args.overlap=8"]
    assert main(["test", *flags, *wide]) == 0
    assert main(["predict", *flags, *wide]) == 0
    assert (tmp_path / "samples" / "test.png").is_file()
    assert [read_image(str(tmp_path / "predictions" / f"0000{k}.png")).shape for k in range(2)] == [(3, 32, 64)] * 2


def test_a_size_that_is_not_padded_is_refused_before_the_first_update(tmp_path, capsys):
    flags = [*FACADES, f"--trainer.default_root_dir={tmp_path / 'run'}", "--model.init_args.pad=false"]
    assert main(["fit", *flags, "--data.init_args.size=40"]) == 2
    assert "multiples of 32; got 40x40 pixels. Set model.init_args.pad to true" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
