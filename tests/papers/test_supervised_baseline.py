import csv

from PIL import Image

from datamodules.embedded.digits import split_digits
from lightning_cgan.api import load
from tests.conftest import same


def test_the_twin_starts_with_the_weights_and_scales_of_the_classifier(train, tmp_path):
    begun = []
    for of, optimizer in (("sgan", "classifier_optimizer"), ("twin", "optimizer")):
        assert train("fit", f"--model.init_args.{optimizer}.init_args.lr=0", of=of, steps=1, folder=of) == 0
        begun.append(load(tmp_path / of / "last.ckpt").classifier)
    assert same(*(dict(classifier.state_dict()) for classifier in begun))
    assert begun[0].trunk[1].scale.unique().numel() > 1


def test_scores_hold_the_accuracy_of_both_and_what_the_generator_draws(train, scores, tmp_path):
    drawn = {"fid", "kid", "is_mean", "is_std", "precision", "recall", "density", "coverage", "min_class_share"}
    for of, more in (("sgan", drawn), ("twin", set())):
        assert train("fit", of=of, folder=of) == 0
        assert train("test", of=of, folder=of) == 0
        for split in ("val", "test"):
            tested = {"memorised", "train_distance", "train_distance_real"} if more and split == "test" else set()
            assert set(scores(of)[split]["scores"]) == {"classification_accuracy", *more, *tested}
            assert scores(of)[split]["card"]["weights"] == "raw"
    assert (tmp_path / "sgan" / "samples" / "test.png").is_file()


def test_predict_writes_the_class_of_each_test_image_and_of_pictures_in_a_folder(train, scores, tmp_path):
    assert train("fit") == 0
    assert train("test") == 0
    assert train("predict") == 0
    table = list(csv.DictReader((tmp_path / "run" / "predictions.csv").open()))
    assert [row["image"] for row in table] == [str(place) for place in range(500)]
    assert all(0.1 <= float(row["probability"]) <= 1 for row in table)
    truth = split_digits(8)["test"].label.tolist()
    hits = sum(int(row["class"]) == one for row, one in zip(table, truth, strict=True))
    assert hits / 500 == scores()["test"]["scores"]["classification_accuracy"]
    assert not (tmp_path / "run" / "predictions").exists()

    (tmp_path / "pictures").mkdir()
    Image.new("L", (8, 8), 255).save(tmp_path / "pictures" / "white.png")
    assert train("predict", f"--data.init_args.predict_folder={tmp_path / 'pictures'}") == 0
    names = [row["image"] for row in csv.DictReader((tmp_path / "run" / "predictions.csv").open())]
    assert names == ["white.png"]
