import pytest
import torch

from lightning_cgan.optimize import Adam, RampedSGD


@pytest.mark.parametrize("n_critic", [1, 5])
def test_the_clock_counts_generator_updates_whatever_the_critic_does(run, state, tmp_path, n_critic):
    assert run("fit", f"--model.init_args.n_critic={n_critic}", steps=4, every=2) == 0
    saved = state()
    assert saved["global_step"] == 4
    generator, discriminator = (
        next(iter(optimizer["state"].values()))["step"].item() for optimizer in saved["optimizer_states"]
    )
    assert (generator, discriminator) == (4, 4 * n_critic)
    assert [schedule["last_epoch"] for schedule in saved["lr_schedulers"]] == [4, 4]
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[1]) for row in rows] == [0, 1, 1, 2, 3, 3]
    assert sorted(path.stem for path in (tmp_path / "run" / "samples").iterdir()) == ["000002", "000004"]


def test_adam_moves_as_torchs_own():
    ours, theirs = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    more = {"lr": 0.1, "eps": 0.5, "weight_decay": 0.3}
    steps = Adam([ours], beta1=0, beta2=0.9, **more), torch.optim.Adam([theirs], betas=(0.0, 0.9), **more)
    for _ in range(3):
        for weight, optimizer in zip((ours, theirs), steps, strict=True):
            weight.grad = torch.tensor([1.0, -2.0, 0.5])
            optimizer.step()
    assert torch.allclose(ours, theirs)


def test_the_momentum_of_a_ramped_sgd_grows_to_its_last_value():
    weight, used = torch.nn.Parameter(torch.ones(3)), []
    optimizer = RampedSGD([weight], lr=0.1, momentum=0.5, final_momentum=0.7, steps=2)
    for _ in range(4):
        weight.grad = torch.ones(3)
        optimizer.step()
        used.append(optimizer.param_groups[0]["momentum"])
    assert used == pytest.approx([0.5, 0.6, 0.7, 0.7])
