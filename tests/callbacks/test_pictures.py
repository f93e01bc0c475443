import torch
from torchvision.io import read_image

from lightning_cgan.batches import EvalOutput
from lightning_cgan.callbacks.pictures import GAP, SampleGrid, draw_curves, grid, neighbour_grid


def test_small_images_are_enlarged_without_interpolation():
    picture = grid(torch.tensor([[[-1.0, 1.0]] * 2]).expand(2, 1, 2, 2), columns=1)
    assert picture.shape == (3, 2 * 50 + 2, 50 + 2)
    inner = picture[0, 2:50, 2:50]
    assert inner[:, :24].max() == 0
    assert inner[:, 24:].min() == 255


def test_a_grid_has_one_row_a_class_and_the_same_noise_each_time(run, tmp_path):
    assert run("fit", steps=2, every=1) == 0
    first, second = (read_image(str(tmp_path / "run" / "samples" / f"00000{step}.png")) for step in (1, 2))
    assert first.shape == second.shape == (3, 10 * 50 + 2, 3 * 50 + 2)
    assert not torch.equal(first, second)


def test_images_land_in_the_row_of_their_class():
    sampler = SampleGrid(columns=2, rows=2)
    sampler.on_validation_start(None, None)

    class Alone:
        is_global_zero = True

    label = torch.tensor([1, 0, 1, 1, 5])
    images = torch.arange(5.0).view(5, 1, 1, 1)
    sampler.on_validation_batch_end(Alone, None, EvalOutput(images, images, label))
    shown = {row: [image.item() for image in cell] for row, cell in sampler.cells.items()}
    assert shown == {1: [0.0, 2.0], 0: [1.0], 5: []}


def test_curves_are_drawn_from_a_log_with_gaps(tmp_path):
    (tmp_path / "metrics.csv").write_text("step,train/loss_d,val/fid\n0,1.5,\n1,1.2,\n1,,30\n")
    draw_curves(tmp_path / "metrics.csv", tmp_path / "curves.png")
    assert read_image(str(tmp_path / "curves.png")).shape[-1] == 800


def test_neighbours_stand_right_of_the_generated_image_and_the_nearest_pairs_on_top():
    fake = torch.tensor([10, 20, 30], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 1, 48, 48)
    nearest = torch.tensor([[11, 12], [21, 22], [31, 32]], dtype=torch.uint8).view(3, 2, 1, 1, 1)
    picture = neighbour_grid(fake, nearest.expand(3, 2, 1, 48, 48), torch.tensor([0.5, 0.9, 0.1]), rows=2)
    centre = [26, 26 + 52 + GAP, 26 + 52 + GAP + 50]
    assert picture.dtype == torch.uint8
    assert picture.shape == (3, 2 * 50 + 2, 52 + GAP + 2 * 50 + 2)
    assert picture[0, 26, centre].tolist() == [30, 31, 32]
    assert picture[0, 76, centre].tolist() == [10, 11, 12]
    assert picture[:, :, 52 : 52 + GAP].min() == 255
