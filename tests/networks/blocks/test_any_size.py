import pytest
import torch
from torch.nn.functional import avg_pool2d, pad

from lightning_cgan.errors import UserError
from lightning_cgan.networks.blocks.any_size import mirrored, padded, tiled


@pytest.mark.parametrize(("length", "extra"), [(8, 4), (8, 3), (3, 2), (5, 1)])
def test_mirroring_is_torchs_reflect_padding(length, extra):
    sides = [extra // 2, extra - extra // 2]
    expected = pad(torch.arange(length).float()[None], sides, mode="reflect")[0]
    assert mirrored(length, extra).tolist() == expected.long().tolist()


def test_mirroring_goes_on_where_torchs_ends():
    assert mirrored(3, 8).tolist() == [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]
    assert mirrored(1, 3).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("sides", [(16, 16), (17, 30), (5, 40), (1, 1)])
def test_an_image_of_any_size_is_padded_to_the_multiple_and_cut_back_in_place(sides):
    image, seen = torch.randn(2, 3, *sides), []
    out = padded(lambda x: seen.append(x.shape) or 2 * x, image, 16)
    assert torch.equal(out, 2 * image)
    assert [side % 16 for side in seen[0][2:]] == [0, 0]


@pytest.mark.parametrize(("sides", "tile", "overlap"), [((40, 50), 16, 4), ((16, 33), 16, 0), ((9, 64), 32, 31)])
def test_tiles_of_what_works_pixel_by_pixel_make_the_whole(sides, tile, overlap):
    image, seen = torch.randn(2, 3, *sides), []
    out = tiled(lambda x: seen.append(x.shape[2:]) or 2 * x[:, :1], image, tile, overlap)
    assert torch.allclose(out, 2 * image[:, :1], atol=1e-6)
    assert set(seen) == {(min(sides[0], tile), min(sides[1], tile))}


def test_one_tile_that_holds_the_image_is_the_translation_itself():
    image = torch.randn(1, 3, 12, 16)
    assert torch.equal(tiled(torch.tanh, image, 16, 8), image.tanh())


def test_neighbouring_tiles_fade_into_each_other():
    """Each tile of its own even colour, as if it knew nothing of the others: no step is larger than the ramp's."""
    shade = iter([0.0, 1.0, 0.0])
    out = tiled(lambda x: torch.full_like(x, next(shade)), torch.zeros(1, 1, 8, 40), 16, 4)
    assert out[..., 0].eq(0).all()
    assert out[..., 19:21].allclose(torch.ones(()))
    assert out.diff(dim=-1).abs().max() <= 1 / 5 + 1e-6
    shade = iter([0.0, 1.0, 0.0])
    hard = tiled(lambda x: torch.full_like(x, next(shade)), torch.zeros(1, 1, 8, 48), 16, 0)
    assert hard.diff(dim=-1).abs().max() == 1


def test_what_a_network_does_wrong_at_the_edge_of_a_tile_counts_little():
    def blur(x):
        return avg_pool2d(x, 3, 1, 1)  # zeros beyond the edge

    image = torch.randn(1, 1, 32, 56)
    error = (tiled(blur, image, 24, 8) - blur(image)).abs()
    assert error[..., 1:15].max() < (tiled(blur, image, 24, 0) - blur(image)).abs().max() / 3
    assert error[..., :7, :15].max() < 1e-6


@pytest.mark.parametrize(("tile", "overlap"), [(16, 16), (16, -1), (0, 0)])
def test_an_overlap_that_leaves_no_step_is_refused(tile, overlap):
    with pytest.raises(UserError, match=rf"got overlap {overlap} of tile {tile}. Set model.init_args.overlap"):
        tiled(torch.tanh, torch.zeros(1, 1, 32, 32), tile, overlap)
