import json

import pytest

from lightning_cgan.runs.report.folder import read_run
from lightning_cgan.runs.report.tables import class_table, columns, score_table, shown
from tests.runs.report.run_folders import write_digits_run


def test_classes_stand_with_the_worst_first(tmp_path):
    rows = class_table(read_run(write_digits_run(tmp_path, updates=50))).rows
    assert [label for label, _ in rows] == ["7", "4", "1", "8", "5", "2", "9", "6", "3", "0"]
    assert rows[0][1] == ["65.2", "0.993", "50", "500"]


def test_scores_by_another_protocol_stand_beside_the_own_ones_under_its_name(tmp_path):
    folder = write_digits_run(tmp_path, updates=50)
    metrics = json.loads((folder / "metrics.json").read_text())
    best = metrics["test"]
    metrics["test_mimicry"] = {**best, "card": {**best["card"], "protocol": "MIMICRY"}}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    run = read_run(folder)
    assert [column.title for column in columns(run)][-1] == "Best checkpoint by MIMICRY"
    assert len(columns(run)) == len(metrics) == len(score_table(run)[0].cells)


@pytest.mark.parametrize(
    ("values", "errors", "text"),
    [
        ([11.517005, 12.3], [0.31, 1.25], [("11.52", "0.31"), ("12.30", "1.25")]),
        ([0.9974], [0.00072], [("0.99740", "0.00072")]),
        ([99.3912, None], [None, None], [("99.4", ""), ("", "")]),
        ([8.0, 7.0], [None, None], [("8", ""), ("7", "")]),
        ([0.00123], [None], [("0.00123", "")]),
        ([0.0], [0.0], [("0", "0")]),
        ([5000.25], [12.0], [("5,000", "12")]),
    ],
)
def test_a_value_has_the_digits_that_its_error_allows(values, errors, text):
    assert [tuple(cell) for cell in shown(values, errors)] == text


def test_an_error_that_is_the_rounding_of_a_sum_does_not_ask_for_digits():
    numbers = shown([0.994, 0.988], [0.0036, 3e-17])
    assert [number.value for number in numbers] == ["0.9940", "0.9880"]
