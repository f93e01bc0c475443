import random

import numpy as np
import torch

from lightning_cgan import keyed


def test_a_seed_is_the_same_in_every_process_and_version():
    assert keyed.seed_of("order", 3, seed=0) == 228291028133782092


def test_keys_and_seeds_give_different_streams():
    seeds = {keyed.seed_of(purpose, step, seed=seed) for purpose in "ab" for step in range(50) for seed in range(3)}
    assert len(seeds) == 300


def test_the_runs_seed_is_the_one_lightning_was_given(monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    assert keyed.seed_of("x") == keyed.seed_of("x", seed=7)
    monkeypatch.delenv("PL_GLOBAL_SEED")
    assert keyed.seed_of("x") == keyed.seed_of("x", seed=0)


def test_reseeding_fixes_all_three_global_streams():
    def draws():
        keyed.reseed("train", 5)
        return torch.randn(2).tolist(), np.random.rand(), random.random()

    assert draws() == draws()


def test_noise_of_an_index_does_not_depend_on_the_batch_around_it():
    whole = keyed.normal("draw", torch.arange(10), 4)
    part = keyed.normal("draw", torch.tensor([7, 2]), 4)
    assert torch.equal(part, whole[[7, 2]])


def test_noise_is_standard_normal_and_differs_by_index_purpose_and_seed():
    noise = keyed.normal("draw", torch.arange(2000), 8)
    assert abs(noise.mean()) < 0.03
    assert abs(noise.std() - 1) < 0.03
    assert len(noise[:, 0].unique()) > 1990
    assert not torch.equal(noise[:5], keyed.normal("other", torch.arange(5), 8))
    assert not torch.equal(noise[:5], keyed.normal("draw", torch.arange(5), 8, seed=1))


def test_drawing_leaves_the_global_stream_alone():
    torch.manual_seed(0)
    expected = torch.randn(3)
    torch.manual_seed(0)
    keyed.normal("draw", torch.arange(9), 4)
    keyed.generator("x")
    assert torch.equal(torch.randn(3), expected)


def test_the_key_of_an_image_is_that_of_its_content_alone():
    image = torch.arange(48, dtype=torch.uint8).reshape(2, 3, 2, 4)
    keys = keyed.content_keys(image)
    assert keys.dtype == torch.int64
    assert keys.tolist() == [keyed.content_key(image[0]), keyed.content_key(image[1].clone())]
    assert keyed.content_key(image[0]) == 5099091775843093513
    assert len({*keys.tolist(), keyed.content_key(image[0].reshape(3, 4, 2))}) == 3
    assert keyed.content_key(image.to(memory_format=torch.channels_last)) == keyed.content_key(image)
