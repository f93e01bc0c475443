"""The examples in CONTRIBUTING.md run from an empty folder, as a stranger would run them."""

import json
import re

import pytest

from lightning_cgan.cli.lightning import main
from tests.conftest import REPOSITORY

EXAMPLES = dict(
    re.findall(r"```python\n# (\w+)\.py: .*?\n(.*?)```", (REPOSITORY / "CONTRIBUTING.md").read_text(), re.DOTALL)
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with the three examples as files, which Python finds."""
    for name, code in EXAMPLES.items():
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_the_page_names_at_most_twelve_concepts():
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    table = text[text.index("| concept |") : text.index("## Add a paper")].strip().splitlines()[2:]
    assert len(table) <= 12


def test_the_paper_the_score_and_the_data_set_of_the_page_make_a_run(folder):
    assert EXAMPLES.keys() == {"my_gan", "my_score", "my_data"}
    flags = [
        *("--model=my_gan.HingeGAN", "--model.init_args.generator.init_args.width=4"),
        *("--model.init_args.discriminator.init_args.width=4", "--data=my_data.Stripes"),
        *("--data.init_args.batch_size=4", "--data.init_args.validation_fakes=8", "--data.init_args.test_fakes=8"),
        *("--trainer.callbacks=[my_score.Brightness]", f"--trainer.default_root_dir={folder / 'run'}"),
        *("--trainer.max_steps=2", "--trainer.val_check_interval=2"),
    ]
    assert main(["fit", *flags]) == 0
    scores = json.loads((folder / "run" / "metrics.json").read_text())["val"]["scores"]
    assert -1 <= scores["brightness"] <= 1
