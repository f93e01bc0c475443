import pytest

from lightning_cgan.config.named_classes import rules_for
from lightning_cgan.errors import UserError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory but for ``experiments/gan/digits.yaml``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments" / "gan").mkdir(parents=True)
    (tmp_path / "experiments" / "gan" / "digits.yaml").write_text("trainer: {max_steps: 1}")


@pytest.mark.parametrize("name", ["experiments/gan/digit.yaml", "experiment/gam/digits.yml"])
@pytest.mark.parametrize("words", [["--config={}"], ["--config", "{}"], ["-c", "{}"]])
def test_a_missing_configuration_is_refused_with_the_nearest_file(words, name):
    with pytest.raises(UserError) as refused:
        rules_for(["fit", *(word.format(name) for word in words)], ())
    assert str(refused.value).splitlines() == [
        f"A configuration is an existing file; got {name}. Set --config.",
        "The nearest existing file is experiments/gan/digits.yaml.",
    ]


@pytest.mark.parametrize("name", ["missing.yaml", "experiments/gan/zzz", "/none/of/these.yaml"])
def test_a_missing_configuration_near_to_no_file_gets_no_suggestion(name):
    with pytest.raises(UserError, match=rf"got {name}\. Set --config\.$"):
        rules_for(["fit", f"--config={name}"], ())


def test_a_folder_is_no_configuration():
    with pytest.raises(UserError, match=r"got experiments/gan, a folder\. Set --config\.$"):
        rules_for(["fit", "--config=experiments/gan"], ())


def test_a_configuration_may_be_a_file_or_text_and_the_files_are_kept_in_order():
    words = ["fit", "--config=experiments/gan/digits.yaml", "--config", "{trainer: {max_steps: 2}}"]
    assert rules_for(words, ()).files == ("experiments/gan/digits.yaml",)
