from lightning_cgan.runs.csv_log import RunLog, read_rows
from lightning_cgan.runs.csv_rows import before


def written(folder, *rows):
    log = RunLog(str(folder))
    for step, values in rows:
        log.log_metrics(values, step)
    log.save()
    return [(int(row["step"]), row) for row in read_rows(folder / "metrics.csv")[1]]


def test_a_second_log_in_the_folder_continues_where_the_first_ended(tmp_path):
    written(tmp_path, (0, {"a": 1.0}), (1, {"a": 2.0}))
    rows = written(tmp_path, (2, {"a": 3.0}))
    assert [(step, float(row["a"])) for step, row in rows] == [(0, 1.0), (1, 2.0), (2, 3.0)]


def test_rows_of_work_that_is_done_again_are_replaced(tmp_path):
    written(tmp_path, (0, {"a": 1.0}), (1, {"a": 2.0}), (2, {"a": 3.0}))
    rows = written(tmp_path, (1, {"a": 2.5}))
    assert [(step, float(row["a"])) for step, row in rows] == [(0, 1.0), (1, 2.5)]


def test_new_columns_join_old_rows(tmp_path):
    written(tmp_path, (0, {"a": 1.0}))
    rows = written(tmp_path, (1, {"b": 2.0}))
    assert rows[0][1]["a"] == "1.0"
    assert rows[0][1]["b"] == ""
    assert rows[1][1]["b"] == "2.0"


def test_of_an_update_with_two_rows_those_are_replaced_that_are_logged_again():
    training, validation = {"step": "1", "loss": "2.0", "fid": ""}, {"step": "1", "loss": "", "fid": "9.0"}
    rows = [{"step": "0", "loss": "1.0", "fid": ""}, training, validation, {"step": "2", "loss": "3.0", "fid": ""}]
    assert before(rows, {"step": 1, "epoch": 0, "loss": 2.5}) == rows[:1]
    assert before(rows, {"step": 1, "epoch": 0, "fid": 8.0}) == rows[:2]
    assert before(rows, {"step": 2, "epoch": 0, "fid": 8.0}) == rows[:4]
    assert before(rows, {"step": 5, "loss": 1.0}) == rows
