import random
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from datamodules.core.sources import InMemory
from lightning_cgan.batches import ImageSpec
from lightning_cgan.metrics.classification import (
    RESIDUAL,
    SMALL,
    Recipe,
    accuracy,
    batches,
    classification_scores,
    in_proportion,
    recipe_for,
    train_classifier,
)
from tests.conftest import same

SPEC = ImageSpec(1, 16, 5)
SHORT = SMALL._replace(updates=40, batch_size=16)
TINY = SMALL._replace(updates=3, batch_size=8)


def stripes(count, seed):
    """Noise with a bright row, whose place is the class; jitter moves it by less than two classes are apart."""
    label = torch.arange(count) % 5
    image = torch.randint(90, (count, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    image[torch.arange(count), 0, 1 + 3 * label] = 255
    return InMemory(image, label)


@pytest.fixture(scope="module")
def digits():
    return {"train": stripes(120, 0), "val": stripes(40, 1), "test": stripes(80, 2)}


@pytest.fixture(scope="module")
def learned(digits):
    """The scores of real training images in the place of generated ones."""
    return scored(digits["train"].image, digits["train"].label, digits, SHORT)


def scored(fake, asked, digits, recipe, test=None, **more):
    train, held_out = digits["train"], digits["test"]
    test = held_out.image if test is None else test
    return classification_scores(fake, asked, train.image, train.label, test, held_out.label, SPEC, recipe, **more)


def trained_on(image, label, digits, recipe=SHORT):
    network = train_classifier(image, label, SPEC, recipe)
    return accuracy(network, digits["test"].image, digits["test"].label)


def test_a_classifier_of_real_images_knows_unseen_ones(learned):
    assert learned.scores["real_gan_train"] > 0.95


def test_real_images_in_the_place_of_generated_ones_reach_the_ceiling(learned):
    assert learned.scores["gan_train"] == learned.scores["real_gan_train"]
    assert learned.scores["gan_test"] > 0.95


def test_wrong_labels_teach_wrongly_and_missing_classes_are_not_known(digits, learned):
    image, label = digits["train"].image, digits["train"].label
    wrong = scored(image, (label + 1) % 5, digits, SHORT, on_real=learned.on_real).scores
    assert (wrong["gan_train"], wrong["gan_test"]) == (pytest.approx(0, abs=0.05), pytest.approx(0, abs=0.05))
    assert wrong["real_gan_train"] == learned.scores["real_gan_train"]
    assert trained_on(image[label < 3], label[label < 3], digits) == pytest.approx(0.6, abs=0.05)


def test_standard_errors_are_binomial_over_the_images_classified(learned):
    for name, images in (("gan_train", 80), ("gan_test", 120)):
        share = learned.scores[name]
        assert learned.standard_errors[name] == pytest.approx((share * (1 - share) / images) ** 0.5)


def test_both_classifiers_see_the_same_number_of_images_and_the_card_says_which(digits):
    few = scored(digits["val"].image, digits["val"].label, digits, TINY).card
    many = scored(digits["train"].image.repeat(2, 1, 1, 1), digits["train"].label.repeat(2), digits, TINY).card
    assert (few["generated"], few["real"], few["test"]) == (40, 40, 80)
    assert (many["generated"], many["real"]) == (120, 120)
    assert (few["network"], few["updates"], few["batch_size"]) == ("SmallClassifier", 3, 8)


def test_test_images_do_not_enter_training(digits):
    fake, asked = digits["val"].image, digits["val"].label
    inverted = scored(fake, asked, digits, TINY, test=255 - digits["test"].image)
    assert inverted.scores["gan_test"] == scored(fake, asked, digits, TINY).scores["gan_test"]


@pytest.mark.parametrize(("copies", "refused"), [(8, False), (9, True)])
def test_test_images_that_were_trained_on_are_refused_above_a_tenth(digits, copies, refused):
    test = digits["test"].image.clone()
    test[:copies] = digits["train"].image[:copies]
    context = pytest.raises(ValueError, match=r"got 9 of 80 test images.*test split") if refused else nullcontext()
    with context:
        scored(digits["val"].image, digits["val"].label, digits, TINY, test=test)


def test_no_gradient_outlives_its_batch():
    class Linear(nn.Module):
        def __init__(self, spec):
            super().__init__()
            self.layer = nn.Linear(16, 2)

        def forward(self, image):
            return self.layer(image.flatten(1))

    image, label = torch.full((20, 1, 4, 4), 128, dtype=torch.uint8), torch.zeros(20, dtype=torch.int64)
    network = train_classifier(image, label, ImageSpec(1, 4, 2), Recipe("linear", Linear, 50, 10, rate=1e-9))
    assert 0 < network.layer.bias.grad.abs().max() <= 1  # as of any one batch; 50 of them have more


def test_global_streams_are_neither_read_nor_moved(digits, monkeypatch):
    image, label = digits["val"].image, digits["val"].label

    def streams():
        return torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()

    weights = []
    for seed in (1, 2):
        monkeypatch.setenv("PL_GLOBAL_SEED", str(seed))
        torch.manual_seed(seed)
        before = streams()
        weights.append(train_classifier(image, label, SPEC, TINY).state_dict())
        assert same(streams(), before)
    assert same(*weights)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_trains_and_its_stream_is_left_alone(digits):
    before = torch.cuda.get_rng_state()
    network = train_classifier(digits["val"].image, digits["val"].label, SPEC, TINY, device="cuda")
    assert next(network.parameters()).is_cuda
    assert 0 <= accuracy(network, digits["test"].image, digits["test"].label, "cuda") <= 1
    assert torch.equal(torch.cuda.get_rng_state(), before)


def test_it_trains_where_lightning_has_switched_gradients_off(digits):
    free = scored(digits["val"].image, digits["val"].label, digits, TINY)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        fake = digits["val"].image.clone()  # an inference tensor
        switched_off = scored(fake, digits["val"].label, digits, TINY, device=torch.device("cpu"))
    assert switched_off[:3] == free[:3]


def test_a_classifier_of_real_images_serves_again(digits):
    first = scored(digits["val"].image, digits["val"].label, digits, TINY)
    again = scored(digits["val"].image, digits["val"].label, digits, TINY, on_real=first.on_real)
    assert again[:3] == first[:3]
    assert again.on_real is first.on_real


def test_every_image_is_seen_once_before_any_is_seen_again():
    seen = batches(10, TINY._replace(updates=5, batch_size=4), "order").flatten()
    assert sorted(seen[:10].tolist()) == sorted(seen[10:].tolist()) == list(range(10))
    assert seen[:10].tolist() != seen[10:].tolist()


def test_a_part_of_a_set_keeps_its_proportions():
    label = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    part = in_proportion(label, 20)
    assert label[part].bincount().tolist() == [12, 6, 2]
    assert len(part.unique()) == 20
    assert sorted(in_proportion(label, 100).tolist()) == list(range(100))


@pytest.mark.parametrize(
    ("channels", "size", "recipe"),
    [(1, 16, SMALL), (3, 16, SMALL), (1, 32, SMALL), (3, 32, RESIDUAL), (1, 64, RESIDUAL), (3, 128, RESIDUAL)],
)
def test_the_network_fits_the_images(channels, size, recipe):
    spec = ImageSpec(channels, size, 7)
    assert recipe_for(spec) is recipe
    made = recipe.network(spec).eval()(torch.zeros(1, channels, size, size))
    assert (made if recipe is RESIDUAL else made.logits).shape == (1, 7)


@pytest.mark.parametrize(
    ("asked", "got"),
    [([-1] * 4, "from -1 to -1"), ([0, 1, 2, 10], "from 0 to 10"), ([0, 1], "2 labels"), ([], "none")],
)
def test_labels_that_no_classifier_can_learn_are_refused(digits, asked, got):
    with pytest.raises(ValueError, match=rf"labels from 0 to 4; got a generated set .*{got}"):
        scored(digits["val"].image[:4], torch.tensor(asked, dtype=torch.int64), digits, TINY)


def test_float_images_are_refused(digits):
    with pytest.raises(ValueError, match=r"needs uint8 images.*40 torch.float32 images"):
        scored(digits["val"].image.float(), digits["val"].label, digits, TINY)
