import sys
from pathlib import Path

import pytest

from lightning_cgan import build
from lightning_cgan.cli.lightning import main
from lightning_cgan.config.allow_list import STANDARD, AllowList, NotAllowed, own_source
from lightning_cgan.config.messages import nearest

RING = Path("experiments/gan/ring.yaml").absolute()
NETWORK = "from torch import nn\n\n\nclass Generator(nn.Module):\n    latent_dim = 2\n\n    def __init__(self, spec):\n"
NETWORK += "        super().__init__()\n\n\ndef steady(update, end):\n    return 1.0\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory of its own, with what is imported from it forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("own_"):
            del sys.modules[name]


@pytest.mark.parametrize("name", ["torch.nn.Linear", "lightning.pytorch.Trainer", "datamodules.Digits"])
def test_standard_packages_are_allowed(name):
    AllowList().check_name(name)


@pytest.mark.parametrize(
    "name", ["os.system", "torch.load", "torch.nnx.A", "lightning_fabric.A", "lightning_cgan.__main__.main", "", "x"]
)
def test_others_are_not(name):
    with pytest.raises(NotAllowed):
        AllowList().check_name(name)


def test_a_refusal_names_the_rule_the_place_and_the_way_round_it():
    with pytest.raises(NotAllowed) as refused:
        AllowList(folder=Path.cwd(), sources={"timm.Model": "--config mine.yaml (model)"}).check_name("timm.Model")
    told = str(refused.value)
    assert all(package in told for package in STANDARD)
    assert "got timm.Model, in --config mine.yaml (model)" in told
    assert "--trust timm" in told
    with pytest.raises(NotAllowed, match=r'trust=\("timm",\)'):
        AllowList().check_name("timm.Model")


def test_a_trusted_package_is_allowed_and_no_other_that_begins_like_it():
    AllowList(("timm",)).check_name("timm.models.A")
    with pytest.raises(NotAllowed):
        AllowList(("timm",)).check_name("timmy.A")


def test_a_module_in_the_folder_is_found_without_running_it(folder):
    package = folder / "own_package" / "inner"
    package.mkdir(parents=True)
    for file in (folder / "own_module.py", package.parent / "__init__.py", package / "nets.py"):
        file.write_text("raise SystemExit('ran')\n")
    assert own_source(folder, "own_module.A") == folder / "own_module.py"
    assert own_source(folder, "own_package.inner.nets.A") == package / "nets.py"
    assert own_source(folder, "own_package.A") == package.parent / "__init__.py"


@pytest.mark.parametrize("name", ["os.A", "subprocess.A", "antigravity.A", "torch.A", "yaml.A", "pytest.A"])
def test_the_folder_does_not_stand_in_for_other_libraries(folder, name):
    top = name.partition(".")[0]
    (folder / f"{top}.py").write_text("raise SystemExit('ran')\n")
    (folder / top).mkdir()
    assert own_source(folder, name) is None


def test_a_link_out_of_the_folder_and_a_folder_without_code_are_not_of_it(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "nets.py").write_text("raise SystemExit('ran')\n")
    (folder / "own_link.py").symlink_to(elsewhere / "nets.py")
    (folder / "own_linked").symlink_to(elsewhere)
    (folder / "own_empty").mkdir()
    for name in ("own_link.A", "own_linked.nets.A", "own_empty.nets.A", "..nets.A", "own_empty", "own empty.A"):
        assert own_source(folder, name) is None


def test_a_network_of_the_folder_is_used_and_said_once(folder, capsys):
    (folder / "own_nets.py").write_text(NETWORK)
    (folder / "mine.yaml").write_text(
        "model: {init_args: {generator: own_nets.Generator, schedule: own_nets.steady}}\n"
    )
    model, _ = build(RING, "--config", "mine.yaml")
    assert type(model.generator).__module__ == "own_nets"
    assert model.schedule(1, 2) == 1.0
    said = capsys.readouterr().out
    assert said.count("own_nets.py is run because --config mine.yaml (model.init_args.generator) names") == 1


def test_what_a_module_of_the_folder_has_imported_is_not_its_own(folder):
    (folder / "own_nets.py").write_text("import os\nfrom subprocess import getoutput\n")
    for name in ("own_nets.getoutput", "own_nets.os.system"):
        with pytest.raises(ValueError, match="that its own package defines"):
            build(RING, f"--model.init_args.schedule={name}")


def test_trust_lets_a_package_in_on_the_command_line_and_from_python(folder, tmp_path_factory, capsys):
    elsewhere = tmp_path_factory.mktemp("site")
    (elsewhere / "own_elsewhere.py").write_text(NETWORK)
    sys.path.append(str(elsewhere))
    flag = "--model.init_args.generator=own_elsewhere.Generator"
    with pytest.raises(ValueError, match="--trust own_elsewhere"):
        build(RING, flag)
    model, _ = build(RING, flag, trust=("own_elsewhere",))
    assert type(model.generator).__module__ == "own_elsewhere"
    assert main(["fit", f"--config={RING}", flag, "--trust", "own_elsewhere", "--print_config"]) == 0
    assert main(["fit", f"--config={RING}", flag, "--trust=own_elsewhere", "--print_config"]) == 0
    assert main(["fit", f"--config={RING}", flag, "--trust", "../x"]) == 2
    assert "got '../x'" in capsys.readouterr().err


def test_the_help_of_every_command_tells_of_trust(capsys):
    for command in ("fit", "predict"):
        assert main([command, "--help"]) == 0
        assert "--trust PACKAGE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flag", "wanted"),
    [
        ("--data.class_path=lightning_cgan.schedules.constant", "A subclass of LightningDataModule is expected"),
        ("--model=lightning_cgan.schedules.constant", "A subclass of LightningModule is expected"),
        ("--trainer.callbacks+=lightning_cgan.schedules.constant", "A subclass of Callback is expected"),
        ("--model.init_args.schedule=torch.nn.Linear", "A function of 2 arguments that returns float is expected"),
        ("--model.init_args.schedule=lightning_cgan.schedules.ramp", "A function of 2 arguments that returns float"),
        ("--model.init_args.generator=lightning_cgan.schedules.constant", "A class or function that returns Module"),
        (
            "--model.init_args.generator_optimizer=torch.nn.Linear",
            "returns Optimizer is expected here; got the class",
        ),
    ],
)
def test_a_function_where_a_class_is_meant_and_the_other_way_round_is_told(capsys, flag, wanted):
    assert main(["fit", f"--config={RING}", flag]) == 2
    told = capsys.readouterr().err
    assert wanted in told
    assert flag.partition("=")[2] in told
    assert flag.partition("=")[0] in told


def test_a_message_imports_nothing():
    assert nearest("class_path='antigravity.A' Option 'b' is not accepted", []) is None
    assert nearest("module 'antigravity' has no attribute 'A'", []) is None
    assert "antigravity" not in sys.modules


def test_a_class_without_its_package_is_asked_for_by_its_whole_name():
    with pytest.raises(
        NotAllowed, match=r"got Digits\. Use another class by its whole name, such as datamodules\.Digits"
    ):
        AllowList().check_name("Digits")
