from lightning_cgan.runs.csv_log import RunLog, read_rows


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
