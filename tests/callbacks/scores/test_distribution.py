import math
from types import SimpleNamespace

import pytest
import torch

from datamodules.embedded.digits import Digits
from lightning_cgan.batches import ImageSpec, Reference
from lightning_cgan.callbacks.scores.card import check_extractor
from lightning_cgan.callbacks.scores.distribution import Scores
from lightning_cgan.callbacks.scores.generated_images import GeneratedImageBuffer
from lightning_cgan.extractors.extractors import DigitsClassifier
from lightning_cgan.metrics.distribution.all_scores import all_scores
from lightning_cgan.networks.sngan import Generator
from lightning_cgan.protocol import Protocol
from tests.conftest import EXTRACTOR, SCORES, same
from tests.metrics.colours import Colours
from tests.metrics.pixels import Pixels, evaluation_on, features, made, scored

FEATURES = {"fid", "kid", "is_mean", "is_std", "precision", "recall", "density", "coverage"}
CLASSES = {"min_class_share", "accuracy"}
COPIES = {"memorised", "train_distance", "train_distance_real"}
INSIDE = {"intra_fid", "intra_fid_worst"}
GAN_TRAIN = {"gan_train", "real_gan_train", "gan_test"}


class Counting(DigitsClassifier):
    """Counts the images that it looks at."""

    seen = 0

    def forward(self, image):
        Counting.seen += len(image)
        return super().forward(image)


@pytest.fixture
def own_features(tmp_path, monkeypatch):
    """A cache of real features that nothing lies in."""
    monkeypatch.setenv("LIGHTNING_CGAN_CACHE", str(tmp_path / "features"))
    return tmp_path / "features"


def test_validation_while_training_has_values_and_a_card(run, scores):
    assert run("fit", steps=2, every=2) == 0
    val = scores()["val"]
    assert val["scores"].keys() == FEATURES | CLASSES
    card = val["card"]
    assert (card["fakes"], card["reals"], card["update"], card["seed"]) == (21, 200, 2, 0)
    assert (card["reference"]["split"], card["reference"]["images"]) == ("val", 200)
    assert len(card["reference"]["sha256"]) == len(card["extractor"]["sha256"]) == 64
    assert card["conventions"] == {"inception_splits": 10, "neighbours": 3, "density_neighbours": 5}


def test_the_test_scores_best_and_last_with_errors_classes_copies_and_what_classifiers_learn(run, scores, tmp_path):
    assert run("fit", steps=3, every=2) == 0  # the last update has no validation, so it is not the best
    assert run("test", SCORES.replace("updates: 0", "updates: 3").format(EXTRACTOR)) == 0
    assert {"val", "test", "test_last"} == scores().keys()
    for name in ("test", "test_last"):
        entry = scores()[name]
        assert entry["scores"].keys() == FEATURES | CLASSES | COPIES | INSIDE | GAN_TRAIN
        assert entry["standard_errors"]["fid"] > 0
        assert entry["classes"].keys() == set("0123456789")
        assert entry["classes"]["0"].keys() == {"fid", "accuracy", "reals", "fakes"}
        assert entry["card"]["worst_class"] in range(10)
        assert entry["card"]["classification"]["updates"] == 3
        assert entry["card"]["reference"]["split"] == "test"
    assert scores()["test"]["card"]["checkpoint"]["name"] == "best.ckpt"
    assert scores()["test_last"]["card"]["checkpoint"]["name"] == "last.ckpt"
    assert scores()["test_last"]["card"]["update"] == 3
    for name in ("neighbours.png", "neighbours_last.png", "samples/test.png", "samples/test_last.png", "report.html"):
        assert (tmp_path / "run" / name).is_file()


def test_a_best_checkpoint_that_is_the_last_one_too_is_looked_at_once_for_both(run, scores, tmp_path):
    assert run("fit", steps=1, every=1) == 0
    assert run("test") == 0
    assert scores()["test"] == scores()["test_last"]
    assert scores()["test"]["card"]["scored"] == 1
    assert not (tmp_path / "run" / "samples" / "test_last.png").exists()


def test_copies_are_not_sought_where_the_real_images_are_training_images(run, scores, tmp_path, monkeypatch):
    monkeypatch.setattr(Protocol.MIMICRY, "_value_", Protocol.MIMICRY.value._replace(fakes=41, reals=300))
    assert run("fit", steps=1, every=1) == 0
    assert run("test", "--data.init_args.protocol=MIMICRY", "--ckpt_path=best") == 0
    entry = scores()["test_mimicry"]
    assert entry["card"]["reference"]["split"] == "train+val"
    assert entry["scores"]["fid"] > 0
    assert not entry["scores"].keys() & COPIES
    assert not list((tmp_path / "run").glob("neighbours*.png"))


def test_no_score_changes_a_bit_of_training(run, state, tmp_path):
    assert run("fit", folder="scored", steps=4, every=2) == 0
    without = "--trainer.callbacks=[{class_path: lightning_cgan.callbacks.ChannelsLast}]"
    assert run("fit", without, folder="plain", steps=4, every=2) == 0
    assert not (tmp_path / "plain" / "metrics.json").exists()
    scored, plain = state("scored"), state("plain")
    assert same(scored["state_dict"], plain["state_dict"])
    assert same(scored["optimizer_states"], plain["optimizer_states"])


def test_real_images_are_looked_at_once_for_all_runs(run, scores, own_features):
    counting = SCORES.format("tests.callbacks.scores.test_distribution.Counting")
    Counting.seen = 0
    assert run("fit", counting, steps=2, every=1) == 0
    first, after = Counting.seen, scores()["val"]["scores"]
    fakes = 3 * 21 + 1  # of which the sanity check draws some, and finds the reals unknown
    assert first < 3 * 200 + fakes + 10
    Counting.seen = 0
    assert run("fit", counting, folder="again", steps=2, every=1) == 0
    assert Counting.seen < 200
    assert scores("again")["val"]["scores"] == after
    assert len(list(own_features.iterdir())) == 1


def test_damaged_features_are_computed_again(run, scores, own_features):
    assert run("fit", steps=2, every=2) == 0
    before = scores()["val"]["scores"]
    for file in own_features.iterdir():
        file.write_bytes(file.read_bytes()[:-9])
    assert run("validate") == 0
    assert scores()["val"]["scores"] == before
    assert scores()["val"]["standard_errors"]["fid"] > 0


def test_part_of_an_evaluation_is_neither_kept_nor_taken_for_the_whole(run, scores, own_features):
    assert (
        run("fit", "--trainer.limit_val_batches=2", "--data.init_args.evaluation_batch_size=20", steps=1, every=1) == 0
    )
    assert scores()["val"]["card"]["reals"] == 40
    assert not own_features.exists()


@pytest.mark.parametrize("wrong", [{"block": 0}, {"classifier_updates": -1}])
def test_numbers_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=f"Set its init_args.{next(iter(wrong))}"):
        Scores(Colours(), **wrong)


def test_a_convention_refuses_an_inception_of_another_resize():
    other = Colours()
    check_extractor(other, Protocol.STUDIOGAN)
    other.name, other.resize = "inception-v3-tf", "TensorFlow 1 bilinear to 299x299"
    check_extractor(other, Protocol.MIMICRY)
    with pytest.raises(ValueError, match=r"PIL bilinear to 299x299; .* init_args.resize to PIL_BILINEAR"):
        check_extractor(other, Protocol.STUDIOGAN)


BROKEN = (
    "--model.init_args.generator=tests.callbacks.scores.test_distribution.Broken",
    "--model.init_args.generator.init_args.width=8",
)


def test_a_generator_that_made_no_numbers_is_reported_once_and_the_run_continues(run, state, scores, capsys):
    assert run("fit", *BROKEN, steps=4, every=2) == 0
    assert capsys.readouterr().out.count("generated images hold NaN or infinity; nothing was scored.") == 1
    assert state()["global_step"] == 4
    assert scores()["val"]["scores"]["fid"] is None
    assert scores()["val"]["notes"]
    assert run("test", *BROKEN, SCORES.replace("updates: 0", "updates: 3").format(EXTRACTOR)) == 0
    assert scores()["test"]["scores"]["gan_train"] is None
    assert any(note.startswith("gan_train, real_gan_train, gan_test: ") for note in scores()["test"]["notes"])


def test_images_that_are_all_equal_are_reported_and_scored(run, scores):
    still = "--model.init_args.generator=tests.callbacks.scores.test_distribution.Still"
    assert run("fit", still, steps=1, every=1) == 0
    assert any("look the same" in note for note in scores()["val"]["notes"])
    assert scores()["val"]["scores"]["fid"] > 0
    assert run("test", still) == 0


class Broken(Generator):
    """A generator that trains, and draws NaN where it is evaluated."""

    def forward(self, noise, label):
        return super().forward(noise, label) * (1 if self.training else torch.nan)


class Still(torch.nn.Module):
    """A generator of one image."""

    latent_dim = 4

    def __init__(self, spec):
        super().__init__()
        self.image = torch.nn.Parameter(torch.zeros(spec.channels, spec.size, spec.size))

    def forward(self, noise, label):
        return self.image.detach().expand(len(noise), -1, -1, -1) + 0 * self.image.mean()


def test_training_images_are_not_compared_with_where_real_images_are_not_held_out_from_them():
    asked = []
    watcher = Scores(Pixels())
    watcher.references = SimpleNamespace(
        keep=lambda *_: None, of_split=lambda trainer, module, split, most: asked.append(split) or torch.ones(3, 4)
    )
    for split, compared in (("test", True), ("train+val", False)):
        image = torch.randint(256, (6, 1, 2, 2), dtype=torch.uint8)
        watcher.images, watcher.features, watcher.buffer = (
            Reference(split, 6, ""),
            scored(image, image),
            GeneratedImageBuffer(None),
        )
        watcher.evaluation = evaluation_on(None)
        assert (watcher.gather().train is not None) is compared
    assert asked == ["train"]


def test_a_validation_is_scored_without_the_protocol_of_the_test():
    data = SimpleNamespace(protocol=Protocol.STUDIOGAN, spec=ImageSpec(1, 16, 10))
    seen = made(features(30, 6, 0), features(40, 6, 1))
    for split, protocol in (("val", Protocol.OWN), ("test", Protocol.STUDIOGAN)):
        watcher = Scores(Pixels())
        watcher.fakes = torch.zeros(0)
        watcher.evaluation = evaluation_on(data)
        watcher.evaluation.split = split
        value = watcher.score(seen)[0].value
        assert value == all_scores(seen, False, protocol.value).value
        assert value != all_scores(seen, False, Protocol.PAPERS.value).value


def test_what_classifiers_cannot_learn_is_noted_and_the_other_scores_stand():
    watcher = Scores(Pixels(), classifier_updates=3)
    watcher.fakes = torch.zeros(20, 1, 16, 16, dtype=torch.uint8)
    same_images = SimpleNamespace(
        protocol=Protocol.OWN, spec=ImageSpec(1, 16, 10), reference_images=lambda *_: Digits().reference_images("test")
    )
    watcher.evaluation = evaluation_on(same_images)
    result, details = watcher.score(made(features(30, 6, 0), features(20, 6, 1), torch.arange(20) % 6))
    assert result.value["fid"] > 0
    assert math.isnan(result.value["gan_train"])
    assert any(
        note.startswith("gan_train, real_gan_train, gan_test: ") and "trained on" in note for note in result.notes
    )
    assert "classification" not in details
