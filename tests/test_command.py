import subprocess
import sys

import pytest

from lightning_cgan.cli import CLI
from lightning_cgan.command import HELP, TOOLS, TRAINER, main


@pytest.mark.parametrize(("typed", "meant"), [("tset", "test"), ("compair", "compare"), ("featurs", "features")])
def test_a_command_that_there_is_not_is_answered_with_the_nearest(capsys, typed, meant):
    assert main([typed]) == 2
    assert f"met {typed}" in (said := capsys.readouterr().err)
    assert said.endswith(f"The nearest valid name is {meant}.\n")


def test_without_a_command_all_are_named(capsys):
    assert main([]) == 2
    said = capsys.readouterr().err
    assert all(name in said for name in (*TRAINER, *TOOLS))


def test_help_tells_of_every_command_and_waits_for_no_library():
    code = "import sys; from lightning_cgan.command import main; main(['--help']); sys.exit('lightning' in sys.modules)"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == HELP
    assert all(f"\n  {name} " in HELP for name in (*TRAINER, *TOOLS))
    assert set(TRAINER) == set(CLI.subcommands())
