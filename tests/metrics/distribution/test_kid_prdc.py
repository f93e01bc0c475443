import numpy as np
import pytest
import torch
from torch_fidelity.metric_kid import kernel_mmd, kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from lightning_cgan.metrics.distribution import pairwise_blocks as gram
from lightning_cgan.metrics.distribution.kid_prdc import compared, kid, neighbourhood_scores, subset_kid
from tests.metrics.pixels import features


def pairs(real, fake, groups=1, **given):
    return compared(real, fake, torch.arange(len(fake)) % groups, groups, **given)


def all_of(real, fake, dense=5, **given):
    found = pairs(real, fake, density_neighbours=dense, **given)
    return {name: score[0].item() for name, score in ({"kid": kid(found)} | neighbourhood_scores(found, dense)).items()}


def papers_density_and_coverage(real, fake, k):
    """Naeem et al. 2020, Equations 3 and 4."""
    real, fake = real.double().numpy(), fake.double().numpy()
    own, cross = (np.linalg.norm(real[:, None] - other[None], axis=2) for other in (real, fake))
    reach = np.sort(own, axis=1)[:, k]  # the first is the image itself
    inside = cross < reach[:, None]
    return inside.sum(0).mean() / k, inside.any(1).mean()


@pytest.mark.parametrize(("reals", "fakes", "block"), [(90, 70, 2**22), (70, 90, 2**22), (90, 70, 100), (33, 90, 170)])
def test_all_of_them_are_those_of_their_references_in_tiles_of_any_size(reals, fakes, block):
    real, fake = features(reals, 12, 0, shift=1), features(fakes, 12, 1, 0.9, 1)
    found = all_of(real, fake, block=block, neighbours=4)
    theirs = prc_features_to_metric(fake, real, prc_neighborhood=4, verbose=False)
    assert (found["precision"], found["recall"]) == pytest.approx((theirs["precision"], theirs["recall"]), rel=1e-6)
    assert (found["density"], found["coverage"]) == pytest.approx(papers_density_and_coverage(real, fake, 5), rel=1e-6)
    assert 0 < found["recall"] < 1
    assert 0.3 < found["coverage"] <= 1
    if reals == fakes:
        assert found["kid"] == pytest.approx(kernel_mmd(fake.double().numpy(), real.double().numpy()), rel=1e-6)


def test_kid_is_the_unbiased_estimate_over_all_pairs():
    real, fake = features(60, 12, 0), features(60, 12, 1, 1.1)
    assert all_of(real, fake)["kid"] == pytest.approx(
        kernel_mmd(fake.double().numpy(), real.double().numpy()), rel=1e-5
    )


def test_kid_on_subsets_is_torch_fidelitys_on_the_same_subsets():
    real, fake = features(150, 64, 0, shift=1), features(120, 64, 1, 1.1, 1)
    theirs = kid_features_to_metric(fake.double(), real.double(), kid_subsets=7, kid_subset_size=50, verbose=False)
    ours = subset_kid(real, fake, subsets=7, size=50)
    assert ours == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-4)


def test_single_precision_does_not_cancel_the_digits_of_a_small_kid():
    real, fake = features(1_000, 64, 0, shift=5), features(1_000, 64, 1, shift=5)
    expected = kernel_mmd(fake.double().numpy(), real.double().numpy())
    assert abs(expected) < 1e-4 * 26**3  # of what single precision holds seven digits of
    assert all_of(real, fake)["kid"] == pytest.approx(expected, rel=1e-4)


def test_one_mode_of_the_data_made_again_and_again_is_precise_and_recalls_nothing():
    torch.manual_seed(0)
    real = torch.randn(300, 8)
    collapsed = real[:1] + 0.01 * torch.randn(300, 8)
    found = all_of(real, collapsed)
    assert found["precision"] == 1
    assert found["recall"] < 0.02
    assert found["coverage"] < 0.1
    swapped = all_of(collapsed, real)
    assert swapped["precision"] < 0.02
    assert swapped["recall"] == 1


def test_images_all_alike_far_from_all_others_score_nothing():
    found = all_of(torch.randn(100, 8), torch.full((100, 8), 50.0))
    assert [found[name] for name in ("precision", "recall", "density", "coverage")] == [0, 0, 0, 0]


def test_the_order_of_images_does_not_matter():
    real, fake = features(200, 12, 0), features(150, 12, 1)
    shuffled = all_of(real[torch.randperm(200)], fake[torch.randperm(150)], block=300)
    assert shuffled == pytest.approx(all_of(real, fake), rel=1e-5)


@pytest.mark.parametrize("block", [2**22, 200])
def test_without_a_group_they_are_those_of_the_other_images(block):
    real, fake, group = features(90, 12, 0), features(70, 12, 1), torch.arange(70) % 4
    found = compared(real, fake, group, 4, block=block)
    scores = {"kid": kid(found)} | neighbourhood_scores(found, 5)
    for number in range(4):
        others = all_of(real, fake[group != number])
        for name in ("kid", "precision", "density", "coverage"):
            assert scores[name][1 + number].item() == pytest.approx(others[name], rel=1e-4)
    assert (scores["recall"][1:] <= scores["recall"][0]).all()  # the reach of the others is not computed again


def test_a_recall_without_a_group_is_that_of_the_other_balls():
    real, fake, group = features(90, 12, 0), features(70, 12, 1), torch.arange(70) % 4
    reach = torch.cdist(fake.double(), fake.double()).kthvalue(4).values
    expected = (torch.cdist(real.double(), fake.double()) <= reach)[:, group != 2].any(1).double().mean().item()
    assert neighbourhood_scores(compared(real, fake, group, 4), 5)["recall"][3].item() == pytest.approx(expected)


def test_coarse_products_allowed_elsewhere_are_not_used():
    real, fake = features(60, 12, 0), features(60, 12, 1)
    expected = all_of(real, fake)
    torch.set_float32_matmul_precision("medium")
    try:
        assert all_of(real, fake) == expected
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_when_memory_runs_out_the_key_is_named_and_other_faults_are_not_hidden():
    def tile(error):
        with gram.careful(block=123):
            raise error

    for error in (torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), real_shortage()):
        with pytest.raises(ValueError, match=r"got tiles of 123 pairs, too many. Lower init_args.block of"):
            tile(error)
    with pytest.raises(RuntimeError, match="shapes"):
        tile(RuntimeError("shapes cannot be multiplied"))


def real_shortage():
    """What torch says on the CPU when there is no memory."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    return caught.value


def test_an_image_exactly_at_the_reach_is_precise_and_covers_nothing():
    real, fake = torch.arange(4.0)[:, None], torch.tensor([[-1.0], [4.0]])
    found = all_of(real, fake, dense=1, neighbours=1)
    assert [found[name] for name in ("precision", "recall", "density", "coverage")] == [1, 1, 0, 0]
