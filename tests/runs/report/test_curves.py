import pytest

from lightning_cgan.runs.report.curves import BUCKETS, decades, nice, panels, ticks
from lightning_cgan.runs.report.folder import read_run


def test_a_long_curve_is_drawn_as_means_within_a_band_that_keeps_every_peak():
    points = [(update, 0.0) for update in range(1, 100_001)]
    points[50_000] = (50_001, 7.0)
    (drawn,) = panels({"train/loss": points}, None)["Training"][0].lines
    assert len(drawn.path.split()) == BUCKETS
    heights = [float(point.split(",")[1]) for point in drawn.band.split()]
    assert heights.count(min(heights)) == 1
    assert "7" in panels({"train/loss": points}, None)["Training"][0].summary


def test_a_curve_of_equal_or_single_values_and_of_no_numbers_can_be_drawn(tmp_path):
    rows = "step,train/a,val/fid,health/x_class_3\n0,2,nan,0\n1,2,5,inf\n2,2,,oops\n"
    (tmp_path / "metrics.csv").write_text(rows)
    series = read_run(tmp_path).series
    assert series == {"train/a": [(1, 2.0), (2, 2.0), (3, 2.0)], "val/fid": [(2, 5.0)], "health/x_class_3": [(1, 0.0)]}
    assert [len(group) for group in panels(series, 2).values()] == [1, 1, 1]


def test_distances_that_fall_far_have_a_logarithmic_axis():
    (panel,) = panels({"val/fid": [(1, 900.0), (2, 11.0)]}, None)["Validation scores"]
    assert panel.scale == "logarithmic scale"
    (panel,) = panels({"val/accuracy": [(1, 0.01), (2, 0.99)]}, None)["Validation scores"]
    assert panel.scale == ""


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 7.9), (1e-5, 3e-5), (0, 1e9), (99.9, 100.1)])
def test_ticks_are_few_round_and_within(low, high):
    ticks = nice(low, high)
    assert 2 <= len(ticks) <= 6
    assert all(low - 1e-12 <= tick <= high for tick in ticks)


def test_ticks_of_a_logarithmic_axis_are_within():
    assert decades(11, 900) == pytest.approx([20, 50, 100, 200, 500])


@pytest.mark.parametrize(
    ("marks", "texts"),
    [
        ([0.0, 0.25, 0.5], ["0", "0.25", "0.5"]),
        ([0.0, 1000.0, 2000.0], ["0", "1,000", "2,000"]),
        ([0.0, 20_000.0], ["0", "20k"]),
        ([-5e5, 0.0, 1.5e6], ["-0.5M", "0", "1.5M"]),
        ([1e12], ["1e+12"]),
    ],
)
def test_the_ticks_of_an_axis_share_one_unit(marks, texts):
    assert [tick.text for tick in ticks(marks, float)] == texts
