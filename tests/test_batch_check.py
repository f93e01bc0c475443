import pytest
import torch
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader, TensorDataset

from datamodules.embedded.digits import Digits
from datamodules.embedded.facades import Facades
from lightning_cgan.batch_check import check_batch
from lightning_cgan.batches import ImageSpec, Labelled, Paired, PairSpec
from lightning_cgan.errors import UserError
from lightning_cgan.networks import dcgan
from lightning_cgan.papers.pix2pix import Pix2Pix
from lightning_cgan.papers.projection import ProjectionGAN
from lightning_cgan.papers.wgan import WGAN


class Reads:
    def __init__(self, kind, spec):
        self.training_batch, self.spec = kind, spec


LABELS = torch.zeros(1, 4, dtype=torch.int64)
IMAGES = torch.zeros(1, 4, 3, 8, 8)
PAPER = Reads(Labelled, ImageSpec(3, 8, 10))


def test_the_batches_of_the_suite_are_taken():
    check_batch(PAPER, Labelled(IMAGES, LABELS))
    check_batch(Reads(Paired, PairSpec(3, 3, 8)), Paired(IMAGES, IMAGES))


@pytest.mark.parametrize(
    ("batch", "got"),
    [
        ([IMAGES[0], LABELS[0]], r"got a list of float32 \(4, 3, 8, 8\) from 0 to 0, int64 \(4,\) from 0 to 0\."),
        ({"pixels": IMAGES[0]}, r"got a dict of pixels: float32 \(4, 3, 8, 8\)"),
        (IMAGES, r"got float32 \(1, 4, 3, 8, 8\)"),
        (Labelled(IMAGES[0], LABELS), r"got a Labelled of float32 \(4, 3, 8, 8\)"),
        (Labelled(IMAGES.byte(), LABELS), r"got a Labelled of uint8"),
        (Labelled(IMAGES, LABELS.float()), r"float32 \(1, 4\)"),
        (None, r"got a NoneType"),
    ],
)
def test_what_a_paper_cannot_read_is_refused_with_the_batch_that_it_wants(batch, got):
    wanted = r"trains on batches lightning_cgan\.batches\.Labelled: image \(n, B, 3 x 8 x 8\), label \(n, B\) int64.*"
    with pytest.raises(UserError, match=wanted + got):
        check_batch(PAPER, batch)


def test_a_batch_has_the_discriminator_updates_that_the_paper_takes():
    def batch(n):
        return Labelled(torch.zeros(n, 2, 1, 16, 16), torch.zeros(n, 2, dtype=torch.int64))

    networks = {"generator": lambda s: dcgan.Generator(s, 4, 5), "critic": lambda s: dcgan.Discriminator(s, 4)}
    paper = WGAN(ImageSpec(1, 16), **networks, n_critic_warmup=3)
    check_batch(paper, batch(3))
    wanted = r"counts discriminator updates: 3 in update 0 of WGAN; got 5\..*set model.init_args.n_critic to 5"
    with pytest.raises(UserError, match=wanted):
        check_batch(paper, batch(5))


def test_the_images_of_both_domains_are_told_in_super_resolution_the_small_ones_too():
    with pytest.raises(UserError, match=r"Paired: a \(n, B, 3 x 2 x 2\), b \(n, B, 1 x 8 x 8\), for n updates"):
        check_batch(Reads(Paired, PairSpec(3, 1, 8, 4)), [])


@pytest.mark.parametrize("paper", [lambda: ProjectionGAN(ImageSpec(1, 32, 10)), lambda: Pix2Pix(PairSpec(3, 3, 32))])
def test_a_plain_loader_is_refused_before_the_first_update_also_by_a_stock_trainer(tmp_path, paper):
    loader = DataLoader(TensorDataset(torch.rand(8, 1, 32, 32), torch.zeros(8, dtype=torch.int64)), batch_size=4)
    trainer = Trainer(max_steps=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
                      enable_model_summary=False, accelerator="cpu", default_root_dir=tmp_path)  # fmt: skip
    with pytest.raises(UserError, match=r"got a list of float32 \(4, 1, 32, 32\).*Give fit a data module"):
        trainer.fit(paper(), loader)


def test_loaders_of_a_data_module_without_a_trainer_are_those_of_the_first_update_in_one_process():
    data = Digits(size=8, batch_size=6)
    batch = next(iter(data.train_dataloader()))
    assert batch.image.shape == (1, 6, 1, 8, 8)
    assert data.batch_shape(0) == (1, 6)
    assert sum(len(one.label) for one in data.val_dataloader()) == 200
    assert sum(len(one.noise_id) for one in data.predict_dataloader()) == 100
    assert len(data.probe()[0].label) == 100
    pairs = Facades(size=32, pictures=2, validation_pictures=1, test_pictures=1)
    assert next(iter(pairs.train_dataloader())).a.shape == (1, 1, 3, 32, 32)
