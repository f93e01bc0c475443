import pytest
import torch

from datamodules.core.sources import InMemory
from datamodules.embedded.facades import Facades
from datamodules.translation import Direction, TranslationDataModule
from datamodules.views.unpair import UnpairedView, halves_of
from lightning_cgan.batches import Paired, PairSpec, Unpaired

COUNTS = {"train": 21, "val": 4, "test": 5}


class Numbered(TranslationDataModule):
    """Pairs of 1x1 pictures: a is the pair's number, b the number and 100."""

    def __init__(self, **loading):
        self.spec = PairSpec(1, 3, 1)
        self.palette, self.labels_in = torch.zeros(2, 3, dtype=torch.uint8), "a"
        super().__init__(**loading)

    def load(self, split):
        count = COUNTS[split]
        number = torch.arange(count, dtype=torch.uint8).view(count, 1, 1, 1)
        label = torch.zeros(count, dtype=torch.int64)
        return InMemory(number, label), InMemory(number + 100, label)


class Run:
    """What a data module asks of a trainer."""

    global_step, max_steps, max_epochs, global_rank, world_size = 0, 20, -1, 0, 1
    lightning_module = None


def view(pictures=None, stage="fit", **loading):
    halves = UnpairedView(Numbered(batch_size=5, evaluation_batch_size=3, **loading), pictures)
    halves.trainer = Run()
    halves.setup(stage)
    return halves


def seen(batches):
    a, b = (torch.cat([getattr(batch, side).flatten() for batch in batches]) for side in "ab")
    return set(a.tolist()), set((b.to(torch.int64)).tolist())


def test_a_comes_from_the_first_half_of_the_pairs_and_b_from_the_second():
    batches = list(view().train_dataloader())
    assert len(batches) == 20
    assert all(isinstance(batch, Unpaired) and batch.a.shape == batch.b.shape == (1, 5, 1, 1, 1) for batch in batches)
    assert seen(batches) == (set(range(10)), set(range(110, 120)))


def test_the_same_images_are_trained_on_whichever_way_they_are_translated():
    a, b = seen(view(direction=Direction.b_to_a).train_dataloader())
    assert (b, a) == seen(view().train_dataloader())


def test_the_two_domains_come_in_orders_of_their_own():
    batches = list(view().train_dataloader())
    assert [batch.a.flatten().tolist() for batch in batches] != [
        (batch.b - 110).flatten().tolist() for batch in batches
    ]


def test_fewer_pictures_are_the_first_of_each_half():
    assert seen(view(pictures=4).train_dataloader()) == (set(range(4)), set(range(110, 114)))


@pytest.mark.parametrize("split", ["val", "test"])
def test_true_pairs_are_evaluated(split):
    halves = view(stage="test")
    batches = list(getattr(halves, f"{split}_dataloader")())
    assert all(isinstance(batch, Unpaired) for batch in batches)
    a, b = (torch.cat([getattr(batch, side).flatten() for batch in batches]) for side in "ab")
    assert a.tolist() == list(range(COUNTS[split]))
    assert torch.equal(a + 100, b)
    assert halves.evaluates_pairs
    assert halves.reference(split) == halves.data.reference(split)


def test_the_probe_and_the_sources_of_predictions_are_those_of_the_set():
    halves = view(stage="predict")
    (one, other) = halves.probe()
    assert isinstance(one, Unpaired)
    assert torch.cat([one.a, other.a]).flatten().tolist() == [0, 1, 2, 3]
    assert torch.cat([batch.image.flatten() for batch in halves.predict_dataloader()]).tolist() == [0, 1, 2, 3, 4]
    assert halves.reference_images("test").at(torch.arange(5)).flatten().tolist() == [100, 101, 102, 103, 104]


def test_what_is_known_of_the_set_is_passed_through():
    halves = view(direction=Direction.b_to_a)
    assert halves.spec == PairSpec(3, 1, 1, reversed=True)
    assert halves.labels_in == "b"
    assert torch.equal(halves.palette, halves.data.palette)
    assert halves.protocol is halves.data.protocol
    byte = torch.tensor([0, 255], dtype=torch.uint8)
    assert [side.tolist() for side in halves.on_after_batch_transfer(Unpaired(byte, byte), 0)] == [[-1, 1]] * 2


def test_halves_of_augmented_pairs_keep_their_augmentation():
    halves = UnpairedView(Facades(size=32, pictures=4, validation_pictures=1, test_pictures=1, batch_size=2))
    halves.trainer = Run()
    a, b = halves.halves()
    assert a.source is halves.data.domains("train")[0]
    assert len(a.label) == len(b.label) == 2
    halves.setup("fit")
    maps = torch.cat([batch.a[0] for batch in halves.train_dataloader()]).flatten(1)
    assert len(maps.unique(dim=0)) == 4  # two maps and their mirror images


def test_more_pictures_than_half_the_pairs_are_refused_before_the_first_update():
    with pytest.raises(ValueError, match=r"Half of 21 pairs gives 10 images of each domain; got 11\. Set data"):
        view(pictures=11)
    with pytest.raises(ValueError, match=r"got 11\."):
        UnpairedView(Numbered(), 11).prepare_data()
    with pytest.raises(ValueError, match=r"at least one; got 0\. Set data\.init_args\.pictures"):
        view(pictures=0)


def test_an_evaluation_does_without_the_training_pictures():
    class Missing(Numbered):
        def load(self, split):
            if split == "train":
                raise FileNotFoundError
            return super().load(split)

    halves = UnpairedView(Missing())
    halves.trainer = Run()
    halves.trainer.training = False
    halves.prepare_data()
    halves.setup("test")
    assert len(halves.data.eval_sources("test")[0].label) == 5


def test_a_set_without_pairs_is_refused():
    class Apart(Numbered):
        training_batch = Unpaired

    with pytest.raises(ValueError, match=r"breaks the pairs of a paired set; got Apart, which has none\. Set data"):
        UnpairedView(Apart())
    assert Numbered.training_batch is Paired


class Files(InMemory):
    """Numbered pictures that have names, so that their halves differ in size."""

    def names(self):
        return [f"{number}.png" for number in range(len(self.label))]

    def digests(self):
        return self.image.flatten().tolist()


def test_a_pair_stored_in_another_format_stays_in_its_half(monkeypatch):
    files = Files(torch.zeros(40, 1, 1, 1), torch.zeros(40))
    before = halves_of(files)
    monkeypatch.setattr(Files, "names", lambda self: [f"{number}.jpg" for number in range(40)])
    assert halves_of(files) == before


@pytest.mark.filterwarnings("ignore:.* are also training images")
def test_every_picture_of_halves_that_differ_in_size_is_trained_on():
    class Named(Numbered):
        def load(self, split):
            a, b = super().load(split)
            return Files(a.image, a.label), Files(b.image, b.label)

    for direction in Direction:
        halves = UnpairedView(Named(direction=direction))
        halves.trainer = Run()
        halves.setup("fit")
        a, b = (len(side.label) for side in halves.halves())
        assert a != b
        assert a + b == COUNTS["train"]
        halves.trainer.max_steps = max(a, b)
        assert [len(side) for side in seen(halves.train_dataloader())] == [a, b]
