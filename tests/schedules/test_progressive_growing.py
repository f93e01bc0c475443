import pytest

from lightning_cgan.schedules.progressive_growing import Growth, Stage

PAPER = {4: 16, 256: 14, 512: 6, 1024: 3}


def level_of_detail(stage, full):
    """The authors' number: doublings that are missing, those fading in by their share."""
    return (full // stage.resolution).bit_length() - stage.alpha


@pytest.mark.parametrize(
    ("kimg", "lod"),
    [(0, 8), (600, 8), (900, 7.5), (1200, 7), (1800, 7), (2100, 6.5), (9300, 0.5), (9600, 0), (12_000, 0)],
)
def test_the_level_of_detail_is_that_of_the_released_code(kimg, lod):
    assert level_of_detail(Growth(4, 1024, 600, 600, PAPER).stage_after(1000 * kimg), 1024) == lod


@pytest.mark.parametrize(
    ("images", "stage"),
    [
        (0, (4, 1)),
        (8, (4, 1)),
        (9, (8, 0.25)),
        (11, (8, 0.75)),
        (12, (8, 1)),
        (20, (8, 1)),
        (24, (16, 1)),
        (99, (16, 1)),
    ],
)
def test_alpha_is_one_outside_of_a_fade(images, stage):
    assert Growth(4, 16, 0.008, 0.004, {4: 1}).stage_after(images) == stage


@pytest.mark.parametrize(
    "growth",
    [
        Growth(4, 32, 0.1, 0.2, {4: 7, 8: 5, 32: 3}),
        Growth(4, 8, 0.008, 0.004, {4: 4}),
        Growth(4, 16, 0, 0.01, {4: 3}),
        Growth(4, 16, 0.002, 0.001, {4: 16}),  # one batch goes past a whole fade
        Growth(16, 16, 1, 1, {4: 3, 8: 5}),
    ],
)
def test_a_batch_is_as_large_as_the_resolution_it_is_shown_at_asks_for(growth):
    images, sizes = 0, dict(zip(growth.resolutions, growth.sizes, strict=True))
    for update in range(400):
        assert growth.images(update) == images
        assert growth.stage(update) == growth.stage_after(images)
        assert growth.batch_size(update) == sizes[growth.stage(update).resolution]
        assert growth.updates(images / 1000) == update
        images += growth.batch_size(update)


def test_turns_are_where_a_fade_starts_or_ends():
    growth = Growth(4, 16, 0.008, 0.016, {4: 4})
    stages = [growth.stage(update) for update in range(14)]
    assert [stage.resolution for stage in stages] == [4] * 3 + [8] * 6 + [16] * 5
    assert [stage.alpha for stage in stages] == [1, 1, 1, 0.25, 0.5, 0.75, 1, 1, 1, 0.25, 0.5, 0.75, 1, 1]
    assert [update for update in range(14) if growth.changes_phase(update)] == [3, 6, 9, 12]
    assert growth.updates_to_full == 12


def test_the_schedule_of_the_paper_is_a_number_of_updates():
    growth = Growth(4, 1024, 800, 800, PAPER)
    assert growth.stage(growth.updates_to_full) == Stage(1024, 1.0)
    assert growth.stage(growth.updates_to_full - 1).fading
    assert Growth(4, 32, 400, 400, {4: 16}).updates(20_000) == 1_250_000


def test_one_resolution_does_not_grow():
    growth = Growth(32, 32, 1, 1, {4: 8})
    assert {growth.stage(update) for update in range(500)} == {Stage(32, 1.0)}
    assert growth.updates_to_full == 0


@pytest.mark.parametrize(("stable", "fade"), [(-1, 1), (1, 0), (1, -1)])
def test_lengths_that_are_none_are_refused(stable, fade):
    with pytest.raises(ValueError, match=r"at least 0 stable.*got.*Set model.init_args.stable_kimg"):
        Growth(4, 8, stable, fade, {4: 1})


@pytest.mark.parametrize("sizes", [{}, {8: 4}, {4: 0}, {4: 4, 8: -1}])
def test_batch_sizes_that_miss_the_first_resolution_or_are_below_one_are_refused(sizes):
    with pytest.raises(ValueError, match=r"from resolution 4 on; got .*Set model.init_args.batch_sizes"):
        Growth(4, 8, 1, 1, sizes)


def test_a_batch_that_processes_cannot_share_is_refused():
    growth = Growth(4, 8, 1, 1, {4: 16, 8: 6})
    growth.check_shares(2, None)
    with pytest.raises(ValueError, match=r"6 images at resolution 8 do not divide by 4 processes. Set"):
        growth.check_shares(4, None)


def test_a_batch_that_does_not_divide_into_groups_is_refused():
    growth = Growth(4, 8, 1, 1, {4: 16, 8: 6})
    for processes, group in ((1, None), (1, 2), (1, 16), (2, 4)):
        growth.check_shares(processes, group)
    with pytest.raises(ValueError, match=r"6 images at resolution 8 do not divide into groups of 4. Set"):
        growth.check_shares(1, 4)


@pytest.mark.parametrize("start", [-4, 0, 2, 6, 64])
def test_a_start_that_does_not_double_to_the_full_resolution_is_refused(start):
    with pytest.raises(ValueError, match=rf"doubles to the full 32; got {start}. Set model.init_args.start_resolution"):
        Growth(start, 32, 1, 1, {2: 4})
