import pytest
import torch

from datamodules.translation import Direction
from lightning_cgan.batches import Paired, PairSpec, SourceImages, Unpaired
from tests.translation import Negative, SmallPairs, SmallUnpaired, trainer


def fitted(data, tmp_path, updates=7):
    module = Negative()
    trainer(tmp_path, max_epochs=1, limit_train_batches=updates, num_sanity_val_steps=0).fit(module, data)
    return module


def test_a_training_pair_is_a_pair_in_any_order(tmp_path):
    batches = fitted(SmallPairs(batch_size=3), tmp_path).trained
    assert all(isinstance(batch, Paired) and batch.a.shape == (1, 3, 3, 8, 8) for batch in batches)
    assert all(torch.equal(batch.b, -batch.a[:, :, :1]) for batch in batches)
    first = torch.cat([batch.a[0, :, 0, 0, 0] for batch in batches])
    assert not torch.equal(first, first.sort().values)


def test_unpaired_domains_come_in_orders_of_their_own(tmp_path):
    batches = fitted(SmallUnpaired(batch_size=5), tmp_path, updates=2).trained
    assert all(isinstance(batch, Unpaired) for batch in batches)
    a, b = (torch.cat([getattr(batch, side).flatten(0, 1)[:, 0, 0, 0] for batch in batches]) for side in "ab")
    assert len(a.unique()) == 10  # one pass over a is two over b
    assert b.unique(return_counts=True)[1].tolist() == [2] * 5
    assert not torch.equal(b, -a)


def test_evaluation_gives_each_image_once_also_where_domains_differ_in_number(tmp_path):
    for data, of_b in ((SmallPairs(evaluation_batch_size=4), 10), (SmallUnpaired(evaluation_batch_size=4), 5)):
        module = Negative()
        trainer(tmp_path).test(module, data, verbose=False)
        a, b = (torch.cat([getattr(batch, side) for batch in module.evaluated]) for side in "ab")
        assert (len(a.unique()), len(b.unique())) == (10, of_b)
        assert (len(a), len(b)) == (10, of_b)


def test_the_other_direction_changes_the_domains_over(tmp_path):
    data = SmallPairs(direction=Direction.b_to_a)
    assert data.spec == PairSpec(1, 3, 8, reversed=True) == SmallPairs().spec.back()
    assert data.spec.back() == SmallPairs().spec
    (batch, *_) = fitted(data, tmp_path, updates=1).trained
    assert (batch.a.shape[2], batch.b.shape[2]) == (1, 3)


def test_the_side_of_label_maps_follows_the_direction():
    class Maps(SmallPairs):
        labels_in = "a"

    assert Maps().labels_in == "a"
    assert Maps(direction=Direction.b_to_a).labels_in == "b"
    assert SmallPairs(direction=Direction.b_to_a).labels_in is None


def test_the_probe_is_the_start_of_the_validation_images_and_of_super_resolution_there_is_none():
    data = SmallUnpaired(evaluation_batch_size=3)
    a, b = (torch.cat([getattr(part, side)[:, 0, 0, 0] for part in data.probe()]) for side in "ab")
    assert a.tolist() == list(range(100, 105))
    assert b.tolist() == list(range(155, 150, -1))
    assert [len(part.a) for part in data.probe(4)] == [3, 1]
    data.spec = data.spec._replace(scale=4)
    assert data.probe() == []


def test_predict_translates_the_test_images_of_a_by_number(tmp_path):
    seen = []

    class Noting(Negative):
        def predict_step(self, batch, batch_idx):
            seen.append(batch)
            return super().predict_step(batch, batch_idx)

    trainer(tmp_path).predict(Noting(), SmallPairs(evaluation_batch_size=4), return_predictions=False)
    assert all(isinstance(batch, SourceImages) for batch in seen)
    assert [name for batch in seen for name in batch.name] == [f"{number:05d}" for number in range(10)]
    assert sum(len(batch.image) for batch in seen) == 10


def test_the_reference_names_both_domains_and_changes_with_either():
    one, other = (SmallPairs(count=count).reference("test") for count in (10, 9))
    assert (one.split, one.images) == ("test", 10)
    assert one.sha256 != other.sha256 != SmallUnpaired().reference("test").sha256


@pytest.mark.parametrize("name", ["batch_size", "evaluation_batch_size"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(ValueError, match=rf"got 0\. Set data\.init_args\.{name}"):
        SmallPairs(**{name: 0})
