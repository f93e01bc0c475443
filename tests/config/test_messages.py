import warnings

import pytest

import lightning_cgan.networks.sngan  # noqa: F401  names are looked up in imported modules only
from lightning_cgan.cli.lightning import main
from lightning_cgan.config.messages import format_parser_error, format_warning, quiet_warnings
from tests.datamodules.sets import write_pictures

NESTED = """Parser key "model":
  Does not validate against any of the Union subtypes
  Subtypes: [<class 'lightning.pytorch.core.module.LightningModule'>, <class 'NoneType'>]
  Errors:
    - Problem with given class_path 'lightning_cgan.networks.sngan.Generator':
        Option 'latent_dimension' is not accepted
    - Expected a <class 'NoneType'>
  Given value type: <class 'str'>"""


def test_the_parsers_own_words_are_left_out_and_the_nearest_name_is_added():
    assert (
        format_parser_error(NESTED)
        == "model.init_args.latent_dimension is not accepted\nThe nearest valid name is latent_dim."
    )


@pytest.mark.parametrize(("written", "named"), [("n_critic: abc", True), ("n_critic: 2", False), ("width: abc", False)])
def test_the_file_with_a_wrong_value_is_named_and_none_if_a_flag_has_it(tmp_path, written, named):
    (tmp_path / "mine.yaml").write_text(f"model: {{init_args: {{{written}}}}}")
    message = """Parser key "model":
        Parser key "n_critic":
          Expected a <class 'int'>. Got value: abc
  Given value: NestedArg(key='n_critic', val='abc')"""
    place = f", in {tmp_path / 'mine.yaml'}" if named else ""
    said = format_parser_error(message, files=[str(tmp_path / "mine.yaml")])
    assert said == f"model.init_args.n_critic: abc is not a valid value{place}"


def test_a_message_of_ours_inside_the_parsers_stands_alone():
    wrapped = (
        "Does not validate\nErrors:\n  - The rule; met 3. Set data.init_args.size.\n  - Expected a <class 'NoneType'>"
    )
    assert format_parser_error(wrapped) == "The rule; met 3. Set data.init_args.size."


def test_a_name_near_to_nothing_gets_no_suggestion():
    assert "nearest" not in format_parser_error("unrecognized arguments: --zzz 3", ["trainer.max_steps"])


def test_a_picture_that_breaks_in_a_loader_process_is_named_without_a_trace(tmp_path, capsys):
    root = write_pictures(tmp_path / "data")
    for path in root.rglob("*.jpg"):
        path.write_bytes(path.read_bytes()[:400])  # the header is whole
    flags = [
        "--config=experiments/dcgan/lsun64.yaml",
        f"--data.init_args.root={root}",
        "--data.init_args.num_workers=1",
    ]
    small = ["--data.init_args.share=0.2", "--data.init_args.batch_size=2", "--trainer.callbacks=null"]
    assert main(["fit", *flags, *small, "--trainer.max_steps=1", f"--trainer.default_root_dir={tmp_path / 'run'}"]) == 2
    error = capsys.readouterr().err
    assert ".jpg" in error
    assert "Traceback" not in error


def test_a_warning_of_the_suite_is_plain_and_another_keeps_its_place():
    assert format_warning("Beware.", UserWarning, "/home/lightning_cgan/callbacks/report.py", 9) == "warning: Beware.\n"
    assert "other/code.py:9" in format_warning("Beware.", UserWarning, "/home/other/code.py", 9)


def test_what_the_suite_does_on_purpose_is_not_warned_of():
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        quiet_warnings()
        for known in (
            "The 'train_dataloader' does not have many workers which may be a bottleneck.",
            "This DataLoader will create 4 worker processes in total. Our suggested max number of worker is 2.",
            "The `srun` command is available on your system but is not used. HINT: ...",
            "Found 17 module(s) in eval mode at the start of training.",
        ):
            warnings.warn(known, stacklevel=1)
        warnings.warn("Something else.", stacklevel=1)
    assert [str(each.message) for each in warned] == ["Something else."]
