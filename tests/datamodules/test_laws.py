"""Laws of all data modules: found in the package, so that a new one is under them without an edit.

A data module that reads files needs a writer of tiny data in ``tests/experiments/writers``, or in ``WRITERS`` here.
"""

import inspect
from itertools import islice
from typing import get_type_hints

import pytest
import torch

import datamodules
from datamodules.core.low_resolution import low_resolution
from datamodules.core.order import SampleIndex
from datamodules.labelled import LabelledDataModule
from datamodules.translation import TranslationDataModule
from datamodules.views.base import View
from lightning_cgan import keyed
from lightning_cgan.batches import Paired
from lightning_cgan.interfaces import PaperFacts
from lightning_cgan.protocol import Protocol
from tests.datamodules.sets import write_folders, write_mnist, write_stl10
from tests.experiments.writers import writer_of

WRITERS = {
    "FashionMNIST": lambda folder, *_: {"root": str(write_mnist(folder, "FashionMNIST"))},
    "LabelledFolder": lambda folder, *_: {"root": str(write_folders(folder))},
    "STL10": lambda folder, patch, _: {"root": str(write_stl10(folder, patch)), "size": 16},
}
FEW = {  # by the name of an argument
    "batch_size": 4,
    "evaluation_batch_size": 3,
    "points": 40,
    "modes": 4,
    "side": 2,
    "pictures": 7,
    "validation_pictures": 4,
    "test_pictures": 4,
    "street": 1,
    "objects": 2,
    "each": 1,
    "validation_objects": 1,
    "test_objects": 1,
    "labels_per_class": 2,
    "num_workers": 0,
}
BELOW = {LabelledDataModule: "MNIST", TranslationDataModule: "Facades"}  # what a view is a view of


def found(kind):
    """The data modules of this kind in the package. Bases say so in the first words of their docstrings."""
    kinds = [vars(datamodules).get(name) or getattr(datamodules, name) for name in dir(datamodules)]
    kinds = {one for one in kinds if inspect.isclass(one) and issubclass(one, kind)} - {View}
    return sorted([one for one in kinds if not one.__doc__.startswith("Base of")], key=lambda one: one.__name__)


def arguments_of(kind):
    """The names of the arguments of a class, through ``**more`` to those of its bases."""
    names = []
    for base in (one for one in kind.__mro__ if "__init__" in vars(one)):
        parameters = inspect.signature(base.__init__).parameters.values()
        names += [one.name for one in parameters]
        if all(one.kind is not one.VAR_KEYWORD for one in parameters):
            break
    return names


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Builds a tiny data module: ``build(kind, flip=True)``; arguments that it does not have are left out."""
    given = {}

    def made(kind, **options):
        below = get_type_hints(kind.__init__).get("data")
        names = arguments_of(kind)
        if kind not in given:
            given[kind] = {name: count for name, count in FEW.items() if name in names}
            if below:
                given[kind] |= {"data": made(getattr(datamodules, BELOW[below]))}
            if "root" in names:
                write = WRITERS.get(kind.__name__) or writer_of(kind)
                given[kind] = write(tmp_path / kind.__name__, monkeypatch, {}) | given[kind]
        options = {name: value for name, value in options.items() if name in names}
        return kind(**given[kind] | options)

    return made


class TwoCritics(PaperFacts):
    n_critic = 2


class Process:
    """One process of a run of two critic updates in a generator update."""

    max_steps, max_epochs, training, lightning_module = 20, -1, True, TwoCritics()

    def __init__(self, rank=0, world=1, step=0):
        self.global_rank, self.world_size, self.global_step = rank, world, step


def trained_on(data, updates, **process):
    data.trainer = Process(**process)
    return list(islice(data.train_dataloader(), updates))


def evaluated(data, split, world):
    """The evaluation batches of all processes, in the order of one."""
    data.fakes, shares = {"val": 10, "test": 10}, []
    if len(data.scored_images(split).label) > 100:
        data.evaluation_batch_size = 1_000
    for rank in range(world):
        data.trainer = Process(rank, world)
        shares.append(list(data.eval_loader(split)))
    return [batch for step in zip(*shares, strict=True) for batch in step]


def one(source, epoch, index):
    return source.images(SampleIndex(torch.tensor([epoch]), torch.tensor([index])))[0]


def stored(source):
    """The images in their order; where they are few, read one by one."""
    index = torch.arange(len(source.label))
    if len(index) > 100:
        return list(source.images(SampleIndex(torch.zeros_like(index), index)))
    return [one(source, 0, number) for number in index.tolist()]


def in_order(count, purpose, update, rank, world, size=4):
    """The (epoch, index) of each of two batches, from the definition: one endless stream of permutations."""
    rows = []
    for critic in range(2):
        at = [(2 * update + critic) * size + place for place in range(rank, size, world)]
        order = [torch.randperm(count, generator=keyed.generator(purpose, p // count))[p % count] for p in at]
        rows.append([(p // count, int(index)) for p, index in zip(at, order, strict=True)])
    return rows


def check(batch, source, rows, label=None):
    """``batch`` (2, B, C, H, W) holds the images of ``source`` at ``rows``, read one by one, with their labels."""
    expected = torch.stack([torch.stack([one(source, *at) for at in row]) for row in rows])
    assert torch.equal(batch, expected)
    if label is not None:
        assert label.tolist() == [[source.label[index].item() for _, index in row] for row in rows]


PROCESSES = [(0, 1, 0), (0, 2, 0), (1, 2, 3)]  # rank, world and the update to begin with


@pytest.mark.parametrize("kind", found(LabelledDataModule))
def test_each_image_of_a_training_batch_has_its_own_label(build, kind):
    data = build(kind, flip=True, shift=2)
    source = data.source("train")
    for rank, world, step in PROCESSES:
        for update, batch in enumerate(trained_on(data, 4, rank=rank, world=world, step=step), start=step):
            check(batch.image, source, in_order(len(source.label), "order", update, rank, world), batch.label)


@pytest.mark.parametrize("kind", found(TranslationDataModule))
def test_a_training_batch_has_the_images_of_each_domain_and_the_two_of_a_pair(build, kind):
    data = build(kind, flip=True, jitter=0.1)
    sources = data.domains("train")
    purposes = ("order", "order") if data.training_batch is Paired else ("domain a", "domain b")
    for rank, world, step in PROCESSES:
        for update, batch in enumerate(trained_on(data, 2, rank=rank, world=world, step=step), start=step):
            for side, source, purpose in zip(batch, sources, purposes, strict=True):
                check(side, source, in_order(len(source.label), purpose, update, rank, world))
    assert data.training_batch is not Paired or len(sources[0].label) == len(sources[1].label)


@pytest.mark.parametrize("kind", [k for k in found(LabelledDataModule) if {"flip", "shift"} & {*arguments_of(k)}])
def test_an_augmented_image_is_the_stored_one_mirrored_or_moved(build, kind):
    plain, data = build(kind, flip=False), build(kind, flip=True, shift=1)
    images, source = stored(plain.source("train")), data.source("train")
    assert torch.equal(source.label, plain.source("train").label)
    kept = 0
    for index, image in enumerate(images[:60]):
        for epoch in (0, 1):
            seen = one(source, epoch, index)
            if "flip" in arguments_of(kind):
                assert torch.equal(seen, image) or torch.equal(seen, image.flip(-1))
            else:
                moved = torch.nn.functional.pad(image, [1] * 4)
                size = image.shape[-1]
                places = [(y, x) for y in range(3) for x in range(3)]
                assert any(torch.equal(seen, moved[..., y : y + size, x : x + size]) for y, x in places)
            kept += torch.equal(seen, image)
    assert 0 < kept < 2 * len(images[:60])


@pytest.mark.parametrize("kind", [k for k in found(TranslationDataModule) if "flip" in arguments_of(k)])
def test_both_images_of_a_pair_are_mirrored_or_neither(build, kind):
    size = {"load_size": 32} if "load_size" in arguments_of(kind) else {}
    plain, data = (build(kind, flip=flip, **size).domains("train") for flip in (False, True))
    if build(kind).spec.scale > 1:  # crops: the low resolution is that of the crop
        a, b = data
        for index in range(len(a.label)):
            assert torch.equal(one(a, 3, index), low_resolution(one(b, 3, index), build(kind).spec.scale))
        return
    turned = [[], []]
    for side, (before, after) in enumerate(zip(plain, data, strict=True)):
        for index in range(len(before.label)):
            for epoch in (0, 1, 2):
                image, seen = one(before, epoch, index), one(after, epoch, index)
                mirrored = torch.equal(seen, image.flip(-1))
                assert mirrored or torch.equal(seen, image)
                turned[side].append(mirrored)
    assert build(kind).training_batch is not Paired or turned[0] == turned[1]
    measured = build(kind, flip=True, **size).eval_sources("train")
    assert all(all(map(torch.equal, stored(a), stored(b))) for a, b in zip(measured, plain, strict=True))
    assert all(0 < sum(side) < len(side) for side in turned)


@pytest.mark.parametrize("kind", found(LabelledDataModule))
def test_evaluation_has_the_stored_images_in_their_order_with_their_labels(build, kind):
    for split, world in (("val", 1), ("test", 2)):
        source, batches = build(kind).source(split), evaluated(build(kind, flip=True, shift=2), split, world)
        seen = [image for batch in batches for image in batch.image]
        assert len(seen) == len(source.label)
        assert all(map(torch.equal, seen, stored(source)))
        assert torch.cat([batch.label for batch in batches]).tolist() == source.label.tolist()


@pytest.mark.parametrize("kind", found(LabelledDataModule))
def test_a_protocol_that_measures_on_training_images_has_them_without_augmentation(build, kind):
    plain, data = build(kind), build(kind, flip=True, shift=2, protocol=Protocol.MIMICRY)
    if "protocol" not in arguments_of(kind):
        return
    measured = data.eval_source("test")
    expected = [image for split in ("train", "val") for image in stored(plain.source(split))]
    assert measured.label.tolist() == [label for s in ("train", "val") for label in plain.source(s).label.tolist()]
    assert all(map(torch.equal, stored(measured), expected))


@pytest.mark.parametrize("kind", found(LabelledDataModule))
def test_probes_and_reference_images_keep_their_labels(build, kind):
    data, plain = build(kind, flip=True, shift=2), build(kind)
    data.trainer = Process()
    for split, batches in (("val", data.probe(12)), ("train", list(data.image_loader("train", 17)))):
        source = plain.source(split)
        labels = {}
        for image, label in zip(stored(source), source.label.tolist(), strict=True):
            labels.setdefault(image.numpy().tobytes(), set()).add(label)
        held = [(image, label) for batch in batches for image, label in zip(batch.image, batch.label, strict=True)]
        assert held
        assert all(label.item() in labels[image.contiguous().numpy().tobytes()] for image, label in held)
        assert split == "val" or len(held) == min(17, len(source.label))


@pytest.mark.parametrize("kind", found(TranslationDataModule))
def test_evaluation_has_the_stored_images_of_each_domain_in_their_order(build, kind):
    size = {"load_size": 32} if "load_size" in arguments_of(kind) else {}
    for split, world in (("val", 1), ("test", 2)):
        batches = evaluated(build(kind, flip=True, jitter=0.3, **size), split, world)
        for side, source in enumerate(build(kind, flip=False, **size).domains(split)):
            seen = [image for batch in batches for image in batch[side]]
            assert len(seen) == len(source.label)
            assert all(map(torch.equal, seen, stored(source)))


@pytest.mark.parametrize("kind", [k for k in found(TranslationDataModule) if "direction" in arguments_of(k)])
def test_the_other_direction_exchanges_the_domains_and_keeps_the_pairs(build, kind):
    there, back = build(kind), build(kind, direction=datamodules.Direction.b_to_a)
    for split in ("train", "test"):
        first, second = there.domains(split), back.domains(split)
        for side in (0, 1):
            for index in range(min(3, len(first[side].label))):
                assert torch.equal(one(first[side], 1, index), one(second[1 - side], 1, index))


def test_a_pair_keeps_its_relation_through_resizing_crops_and_mirrors(build):
    """In the tiny set, b is the negative of a."""
    data = build(datamodules.PairedFolder, size=16, load_size=20, flip=True)
    for batch in trained_on(data, 5):
        assert (batch.a.int() + batch.b.int() - 255).abs().max() <= 1
    for batch in data.eval_loader("test"):
        assert (batch.a.int() + batch.b.int() - 255).abs().max() <= 1


@pytest.mark.parametrize("kind", found(View))
def test_views_are_under_laws_too(kind):
    """The laws below name these views; a new one needs a law of its own."""
    assert kind.__name__ in ("SemiLabelled", "UnpairedView")


@pytest.mark.parametrize("world", [1, 2])
def test_known_labels_are_those_of_their_images_and_others_are_not_handed_out(build, world):
    view = build(datamodules.SemiLabelled)
    source, known = view.data.source("train"), view.labelled_indices()
    assert source.label[known].bincount().tolist() == [2] * 10
    for rank in range(world):
        for update, batch in enumerate(trained_on(view, 4, rank=rank, world=world)):
            rows = in_order(len(known), "labelled", update, rank, world)
            check(batch.image, source, [[(e, int(known[i])) for e, i in row] for row in rows], batch.label)
            for number in (0, 1):
                purpose = f"unlabelled {number + 1}"
                rows = in_order(len(source.label), purpose, update, rank, world)
                check(batch.unlabelled[:, number], source, rows)


def test_broken_pairs_give_images_of_both_domains_without_their_counterparts(build):
    view = build(datamodules.UnpairedView, pictures=3)
    a, b = (stored(domain) for domain in build(datamodules.Facades, flip=False).domains("train"))

    def number(image, domain):
        return next(n for n, one in enumerate(domain) if torch.equal(one, image) or torch.equal(one.flip(-1), image))

    used = [set(), set()]
    for batch in trained_on(view, 6):
        for side, domain in enumerate((a, b)):
            used[side] |= {number(image, domain) for image in batch[side].flatten(0, 1)}
    assert (len(used[0]), len(used[1])) == (3, 3)
    assert not used[0] & used[1]


def test_two_classes_are_the_images_of_each():
    data = datamodules.TwoClasses(datamodules.Digits(size=8, batch_size=4), a=3, b=8)
    digits = data.data.source("train")
    for domain, label in zip(data.domains("train"), (3, 8), strict=True):
        assert torch.equal(torch.stack(stored(domain)), digits.image[digits.label == label])
