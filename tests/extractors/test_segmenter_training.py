import pytest
import torch
from torch.optim import AdamW

from datamodules.translation import Direction
from lightning_cgan.batches import to_bytes, to_signed
from lightning_cgan.callbacks.checkpoints import SaveWeights
from lightning_cgan.callbacks.scores.segmentation import SegmentationScores
from lightning_cgan.extractors.segmenter import SegmenterTraining, TrainedSegmenter, class_numbers, painted, segment
from tests.maps import PALETTE, Known, Maps, scored
from tests.translation import SmallPairs, trainer


def pairs(**options):
    return Maps(direction=Direction.b_to_a, batch_size=8, **options)


def training(classes=4):
    return SegmenterTraining(pairs().spec, classes, width=8, optimizer=lambda p: AdamW(p, lr=2e-2))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a short run, and the module that was trained in it."""
    torch.manual_seed(0)
    folder, module = tmp_path_factory.mktemp("segmenter"), training()
    callbacks = [SegmentationScores(), SaveWeights("own.safetensors")]
    trainer(folder, callbacks=callbacks, max_steps=60, max_epochs=-1, log_every_n_steps=60).fit(module, pairs())
    return folder, module


def test_it_learns_the_classes_of_pictures(trained, tmp_path):
    _, module = trained
    assert scored(tmp_path, SegmentationScores(), module, pairs())["scores"]["labels_accuracy"] > 0.9


def test_the_weights_that_it_saves_score_other_models(trained, tmp_path):
    folder, module = trained
    segmenter = TrainedSegmenter(str(folder / "own.safetensors"))
    picture = Maps().domains("test")[1].image
    with torch.no_grad():
        shown = to_bytes(module.eval()(to_signed(picture)))
    assert torch.equal(class_numbers(shown, PALETTE), segment(segmenter, picture))
    entry = scored(tmp_path, SegmentationScores(segmenter, updates=0), Known(), Maps())
    assert entry["scores"]["real_segmentation_accuracy"] > 0.9
    assert entry["card"]["segmentation"]["segmenter"]["sha256"] == segmenter.sha256


def test_a_checkpoint_knows_the_palette(trained):
    _, module = trained
    other = training()
    other.load_state_dict(module.state_dict())
    assert torch.equal(other.palette, PALETTE)


def test_pixels_of_ignored_classes_teach_nothing():
    labels, picture = Maps().domains("train")
    exchanged = painted(torch.tensor([1, 0, 2, 3])[class_numbers(labels.image, PALETTE)], PALETTE)
    for ignored, same in (([0, 1], True), ([0], False)):
        module = SegmenterTraining(pairs().spec, 4, width=4, ignored=ignored)
        module.palette.copy_(PALETTE)
        losses = [module.loss(to_signed(picture.image), to_signed(shown)) for shown in (labels.image, exchanged)]
        assert torch.equal(*losses) is same


@pytest.mark.parametrize(
    ("data", "classes", "said"),
    [
        (Maps(), 4, "label maps in a. Set data.init_args.direction"),
        (SmallPairs(), 4, "SmallPairs with label maps in None"),
        (pairs(), 7, "the palette, 4; got 7. Set model.init_args.classes to 4"),
    ],
)
def test_data_that_it_cannot_learn_from_are_refused_before_the_first_step(tmp_path, data, classes, said):
    with pytest.raises(ValueError, match=said):
        trainer(tmp_path, max_steps=1).fit(training(classes), data)
