import pytest
import torch
from torchvision.transforms.functional import gaussian_blur

from datamodules.embedded.facades import Facades
from lightning_cgan.extractors.extractors import extract
from lightning_cgan.extractors.segmenter import FacadesFeatures, FacadesSegmenter, class_numbers, segment
from lightning_cgan.metrics.distribution.all_scores import frechet_distance
from lightning_cgan.metrics.segmentation import confusion, segmentation_scores


@pytest.fixture(scope="module")
def facades():
    """Test pictures, the class of each of their pixels, and as many other pictures."""
    data = Facades(validation_pictures=80, test_pictures=80)
    labels, picture = data.domains("test")
    return picture.image, class_numbers(labels.image, data.palette), data.domains("val")[1].image


def test_the_shipped_segmenter_knows_the_test_facades(facades):
    picture, number, _ = facades
    matrix = confusion(segment(FacadesSegmenter(), picture), number, 12).sum(0)
    scores = {name: score.item() for name, score in segmentation_scores(matrix).items()}
    assert scores["accuracy"] > 0.96
    assert scores["iou"] > 0.9


def test_it_knows_wider_streets_than_it_was_trained_on():
    data = Facades(test_pictures=12, street=2)
    labels, picture = data.domains("test")
    number = class_numbers(labels.image, data.palette)
    assert number.shape == (12, 64, 128)
    assert (segment(FacadesSegmenter(), picture.image) == number).double().mean() > 0.95


def test_the_distance_of_its_features_rises_when_colours_or_edges_or_variety_are_lost(facades):
    picture, number, other = facades
    extractor = FacadesFeatures()
    real = extract(extractor, picture).features

    def distance(image):
        return frechet_distance(real, extract(extractor, image).features)

    means = torch.stack([picture.movedim(1, -1)[number == kind].float().mean(0) for kind in range(12)])
    averaged = means[number].movedim(-1, 1).to(torch.uint8)
    floor = distance(other)
    assert floor < 0.1
    assert distance(averaged) > 20 * floor
    assert distance(gaussian_blur(picture, [3, 3])) > 4 * floor
    assert distance(picture[:8].repeat(10, 1, 1, 1)) > 3 * floor
    assert distance(picture.flip(1)) > 2 * floor  # red for blue
