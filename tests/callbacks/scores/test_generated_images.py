import torch

from lightning_cgan.batches import to_signed
from lightning_cgan.callbacks.scores import generated_images as kept
from lightning_cgan.callbacks.scores.generated_images import GeneratedImageBuffer


def numbered(count):
    return torch.arange(count).to(torch.uint8).view(-1, 1, 1, 1)


def batches(sizes):
    return to_signed(numbered(sum(sizes))).split(sizes)


def test_what_is_kept_are_the_first_images_without_a_gap_also_where_batches_differ_in_size():
    store = GeneratedImageBuffer(40)
    for number, fake in enumerate(batches([4] * 10 + [3, 4] * 6)):
        store.add(number, fake, 1)
    image = store.gather(torch.device("cpu"), 0, 1)
    assert 40 <= len(image) < 44
    assert torch.equal(image, numbered(len(image)))
    small = GeneratedImageBuffer(20)  # the fifth batch would not fit, the smaller one after it would
    for number, fake in enumerate(batches([4, 4, 4, 4, 4, 2, 4])):
        small.add(number, fake, 1)
    assert torch.equal(small.gather(torch.device("cpu"), 0, 1), numbered(20))


def test_without_a_bound_all_are_kept_by_processes_too_and_batches_without_images_leave_no_gap(monkeypatch):
    sizes = [0, 1, 0, 1, 2, 0]
    assert torch.equal(shared(monkeypatch, sizes, None, 2), numbered(4))


def test_processes_keep_the_first_images_of_all(monkeypatch):
    image = shared(monkeypatch, [3, 2, 3, 2, 3, 3, 2, 3, 2], 10, 3)
    assert 6 <= len(image) < 20
    assert torch.equal(image, numbered(len(image)))


def test_images_of_several_sizes_are_not_kept():
    store = GeneratedImageBuffer(None)
    for number, height in enumerate((4, 4, 6)):
        assert len(store.gather(torch.device("cpu"), 0, 1)) == number
        store.add(number, torch.zeros(1, 3, height, 4), 1)
    assert len(store.gather(torch.device("cpu"), 0, 1)) == 0


def shared(monkeypatch, sizes, room, world):
    """What the last of ``world`` processes gathers, of batches that they take in turn."""
    stores = [GeneratedImageBuffer(room) for _ in range(world)]
    for number, fake in enumerate(batches(sizes)):
        stores[number % world].add(number // world, fake, world)
    sent = [
        (s.shapes(), torch.cat(s.images), torch.cat(s.at) * world + r, torch.tensor([len(s.images)]))
        for r, s in enumerate(stores)
    ]
    parts = iter(zip(*sent, strict=True))
    monkeypatch.setattr(kept, "gather_all_tensors", lambda mine: list(next(parts)))
    return stores[-1].gather(torch.device("cpu"), world - 1, world)
