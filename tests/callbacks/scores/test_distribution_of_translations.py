import json

import pytest
import torch

from lightning_cgan.batches import to_signed
from lightning_cgan.callbacks.scores.distribution import Scores
from lightning_cgan.extractors.extractors import without_classes
from tests.maps import Known, Maps, Real, UnpairedMaps
from tests.metrics.colours import Colours
from tests.translation import trainer

FEATURES = {"fid", "kid", "precision", "recall", "density", "coverage"}
COPIES = {"memorised", "train_distance", "train_distance_real"}


class Colouring(Colours):
    """Knows no classes, like the features of a segmenter."""

    def forward(self, image):
        return without_classes(super().forward(image).features)


@pytest.fixture(autouse=True)
def own_features(tmp_path, monkeypatch):
    monkeypatch.setenv("LIGHTNING_CGAN_CACHE", str(tmp_path / "features"))


def scored(folder, model, data, split="test"):
    runner = trainer(folder, callbacks=[Scores(Colouring(), block=64)])
    getattr(runner, "test" if split == "test" else "validate")(model, data, verbose=False)
    return json.loads((folder / "metrics.json").read_text())[split]


def test_features_of_a_translation_are_scored_and_copies_of_training_pictures_sought(tmp_path):
    entry = scored(tmp_path, Known(), Maps())
    assert entry["scores"].keys() == FEATURES | COPIES
    assert entry["scores"]["fid"] > 0
    assert (tmp_path / "neighbours.png").is_file()
    assert entry["card"]["reference"]["images"] == entry["card"]["fakes"] == 24


def test_real_pictures_in_place_of_generated_ones_have_no_distance(tmp_path):
    scores = scored(tmp_path, Real(), Maps())["scores"]
    assert scores["fid"] == pytest.approx(0, abs=1e-3)
    assert scores["memorised"] == pytest.approx(0.5)


class Copies(Known):
    """Generates training pictures."""

    def validation_step(self, batch, batch_idx):
        image = self.trainer.datamodule.reference_images("train").at(torch.arange(len(batch.b)))
        return super().validation_step(batch, batch_idx)._replace(fake=to_signed(image))

    test_step = validation_step


def test_a_model_that_returns_training_images_has_memorised_them(tmp_path):
    scores = scored(tmp_path, Copies(), Maps())["scores"]
    assert scores["memorised"] > 0.95
    assert scores["train_distance"] == pytest.approx(0, abs=1e-5)
    assert scores["train_distance_real"] > 0


def test_a_second_evaluation_that_reads_kept_features_says_the_same(tmp_path):
    first, second = (scored(tmp_path / name, Known(), Maps(evaluation_batch_size=7)) for name in ("a", "b"))
    assert len(list((tmp_path / "features").iterdir())) == 2  # of the test and of the training pictures
    assert first["scores"] == second["scores"]


def test_domains_of_different_sizes_are_scored(tmp_path):
    entry = scored(tmp_path, Known(), UnpairedMaps(evaluation_batch_size=7), "val")
    assert (entry["card"]["reals"], entry["card"]["fakes"]) == (19, 24)
    assert entry["scores"]["fid"] > 0


class Copying(Real):
    """Returns training pictures."""

    def test_step(self, batch, batch_idx):
        found, b = super().test_step(batch, batch_idx), Maps().load("train")[1].image
        start = self.returned = getattr(self, "returned", 0) % len(b)
        self.returned += len(found.fake)
        return found._replace(fake=to_signed(b[(start + torch.arange(len(found.fake))) % len(b)]))


def test_a_model_that_returns_training_pictures_is_found_out(tmp_path):
    scores = scored(tmp_path, Copying(), Maps())["scores"]
    assert scores["train_distance"] == 0 < scores["train_distance_real"]
    assert scores["memorised"] > 0.95
