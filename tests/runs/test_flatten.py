from lightning_cgan.runs.flatten import flatten


def test_nested_settings_have_dotted_keys():
    assert flatten({"a": {"b": 1, "c": (1, 2)}, "d": None}) == {"a.b": 1, "a.c": [1, 2], "d": None}


def test_classes_that_are_numbers_are_keys_too_and_an_empty_table_has_no_leaves():
    assert flatten({"classes": {3: {"fid": 1.0}}, "none": {}}) == {"classes.3.fid": 1.0}
