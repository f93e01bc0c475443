"""CycleGAN on two processes, forked from this one."""

import os

import torch
from lightning.fabric.plugins.environments.lightning import find_free_network_port
from torch import multiprocessing

from datamodules.core.sources import InMemory
from tests.conftest import same
from tests.papers.test_cyclegan import model
from tests.translation import SmallUnpaired, trainer

LENGTH = {"max_steps": 5, "limit_val_batches": 2, "check_val_every_n_epoch": None}


class Noise(SmallUnpaired):
    """Of images with contrast: instance norm makes rounding errors of flat ones into pictures."""

    def load(self, split):
        draw = torch.Generator().manual_seed(0)
        shapes = [(10, 3, 8, 8), (5, 1, 8, 8)]
        a, b = (torch.randint(256, shape, generator=draw, dtype=torch.uint8) for shape in shapes)
        return InMemory(a, torch.zeros(10)), InMemory(b, torch.zeros(5))


def train(folder, **options):
    gan, runner = model(pool_size=5), trainer(folder, **LENGTH, **options)
    runner.fit(gan, Noise(size=8, batch_size=2))
    return gan, runner


def one_of_two(rank, folder, port):
    place = {"LOCAL_RANK": rank, "NODE_RANK": 0, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in place.items()}
    gan, runner = train(folder, devices=2, strategy="ddp_find_unused_parameters_true")
    runner.save_checkpoint(f"{folder}/run.ckpt")
    torch.save([gan.state_dict(), gan.pools["a"].images, gan.pools["b"].images], f"{folder}/{rank}.pt")


def test_two_processes_train_as_one_does_and_either_knows_the_whole_pool(tmp_path):
    told = (str(tmp_path), find_free_network_port())
    multiprocessing.start_processes(one_of_two, told, nprocs=2, start_method="fork")
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert same(first, second)
    saved = torch.load(tmp_path / "run.ckpt", weights_only=True)["pools"]
    assert same([saved["a"]["images"], saved["b"]["images"]], first[1:])

    alone, _ = train(tmp_path)
    for pool, images in zip(alone.pools.values(), first[1:], strict=True):
        assert torch.allclose(torch.stack(pool.images), torch.stack(images), atol=1e-3)
    image, other = torch.rand(2, 3, 8, 8), model(pool_size=5)
    other.load_state_dict(first[0])
    assert torch.allclose(alone(image), other(image), atol=1e-3)
