import pytest
import torch

from lightning_cgan.cli.lightning import main
from lightning_cgan.extractors.digits import SmallClassifier


def test_a_model_that_only_classifies_is_scored_with_a_card(tmp_path, scores):
    flags = ["--config=experiments/classifier/digits.yaml", f"--trainer.default_root_dir={tmp_path / 'run'}"]
    flags += ["--trainer.max_steps=6", "--trainer.val_check_interval=3", "--data.init_args.test_fakes=9"]
    assert main(["fit", *flags]) == 0
    assert main(["test", *flags]) == 0
    test = scores()["test"]
    share = test["scores"]["classification_accuracy"]
    assert test["standard_errors"]["classification_accuracy"] == pytest.approx((share * (1 - share) / 500) ** 0.5)
    assert (test["card"]["reals"], test["card"]["fakes"], test["card"]["reference"]["split"]) == (500, 0, "test")
    assert test["card"]["model"].endswith("ClassifierTraining")


@pytest.mark.parametrize("size", [8, 16, 32])
def test_an_empty_batch_is_classified_as_nothing(size):
    assert SmallClassifier()(torch.zeros(0, 1, size, size)).logits.shape == (0, 10)
