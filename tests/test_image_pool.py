import pytest
import torch

from lightning_cgan.errors import UserError
from lightning_cgan.image_pool import ImagePool, gather_images


def images(*values):
    """(B, 1, 2, 2), each of one value."""
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()


def values(batch):
    return [image.mean().item() for image in batch]


def fed(size, updates, name="a", start=0, pool=None):
    """A pool that was shown image k at update k, and what it showed."""
    pool = pool or ImagePool(size, name)
    return pool, [values(pool.query(images(update), update))[0] for update in range(start, start + updates)]


def test_while_the_pool_fills_new_images_are_kept_and_shown():
    pool, query = fed(5, 5)
    assert query == [0, 1, 2, 3, 4]
    assert values(pool.images) == [0, 1, 2, 3, 4]


def test_a_full_pool_shows_the_new_image_or_changes_it_for_one_that_it_holds():
    pool, _ = fed(5, 5)
    for update in range(5, 200):
        before = values(pool.images)
        (query,) = values(pool.query(images(update), update))
        after = values(pool.images)
        if query == update:
            assert after == before
        else:
            assert after == [update if value == query else value for value in before]
            assert before.count(query) == 1


def test_half_of_the_new_images_of_a_full_pool_are_changed_for_any_of_its_images_alike():
    _, query = fed(4, 4004)
    changed = [update - value for update, value in enumerate(query) if update >= 4 and value != update]
    assert len(changed) == pytest.approx(2000, abs=100)  # 3 standard deviations
    ages = torch.tensor(changed)  # each stays for 2 * 4 updates in the mean if all are equally likely to go
    assert ages.mean().item() == pytest.approx(8, abs=0.6)


def test_two_images_of_one_batch_are_shown_one_after_the_other():
    pool = ImagePool(1, "a")
    assert values(pool.query(images(7, 8), 0))[0] == 7
    assert values(pool.images)[0] in (7, 8)


def test_what_is_shown_is_a_copy_without_gradient():
    pool, fake = ImagePool(2, "a"), images(1, 2).requires_grad_()
    query = pool.query(fake * 1, 0)
    assert not query.requires_grad
    query.zero_()
    assert values(pool.images) == [1, 2]


def test_a_pool_of_size_zero_passes_images_through():
    pool, fake = ImagePool(0, "a"), images(1, 2)
    assert torch.equal(pool.query(fake, 0), fake)
    assert pool.images == []


def test_draws_are_those_of_the_update_and_of_the_pools_name():
    assert fed(3, 100)[1] == fed(3, 100)[1]
    assert fed(3, 100)[1] != fed(3, 100, name="b")[1]


def test_a_restored_pool_continues_like_the_saved_one():
    pool, _ = fed(3, 50)
    other = ImagePool(3, "a")
    other.load_state_dict(pool.state_dict())
    assert fed(3, 50, start=50, pool=other)[1] == fed(3, 50, start=50, pool=pool)[1]


def test_a_saved_state_does_not_change_when_the_pool_continues():
    pool, _ = fed(3, 3)
    saved = pool.state_dict()
    fed(3, 50, start=3, pool=pool)
    assert values(saved["images"]) == [0, 1, 2]


def test_negative_sizes_are_refused():
    with pytest.raises(UserError, match="pool_size"):
        ImagePool(-1, "a")


def share_of(rank, size, folder):
    """What one of two processes is shown of images that come two at a time to each, and what it holds at the end."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    pool = ImagePool(size, "a")
    query = [values(pool.query(images(*range(4 * update, 4 * update + 4))[rank::2], update)) for update in range(10)]
    torch.save((query, values(pool.images)), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_processes_share_one_pool_and_are_shown_what_a_single_one_would_be(tmp_path):
    torch.multiprocessing.start_processes(share_of, (5, str(tmp_path)), nprocs=2, start_method="fork")
    (first, held), (second, held_too) = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    pool = ImagePool(5, "a")
    alone = [values(pool.query(images(*range(4 * update, 4 * update + 4)), update)) for update in range(10)]
    assert [[x[0], y[0], x[1], y[1]] for x, y in zip(first, second, strict=True)] == alone
    assert held == held_too == values(pool.images)


def test_a_single_process_gathers_nothing():
    fake = images(1, 2)
    assert gather_images(fake, 1) is fake
