import subprocess
import sys

import pytest
from lightning.pytorch.cli import LightningCLI

from lightning_cgan.cli.main import HELP, TOOLS, TRAINER, main
from tests.conftest import REPOSITORY


@pytest.mark.parametrize(("typed", "meant"), [("tset", "test"), ("compair", "compare"), ("featurs", "features")])
def test_a_command_that_there_is_not_is_answered_with_the_nearest(capsys, typed, meant):
    assert main([typed]) == 2
    assert f"got {typed}" in (said := capsys.readouterr().err)
    assert said.endswith(f"The nearest valid name is {meant}.\n")


def test_without_a_command_all_are_named(capsys):
    assert main([]) == 2
    said = capsys.readouterr().err
    assert all(name in said for name in (*TRAINER, *TOOLS))


def test_help_tells_of_every_command_and_waits_for_no_library():
    code = (
        "import sys; from lightning_cgan.cli.main import main; main(['--help']); sys.exit('lightning' in sys.modules)"
    )
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == HELP
    assert all(f"\n  {name} " in HELP for name in (*TRAINER, *TOOLS))
    assert set(TRAINER) == set(LightningCLI.subcommands())


@pytest.mark.parametrize("words", [["--help"], ["compare", "--help"], ["features", "list"]])
def test_a_reader_of_the_output_that_ends_early_gets_no_trace(words):
    done = subprocess.Popen(
        [sys.executable, "-m", "lightning_cgan", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    done.stdout.close()
    assert done.communicate(timeout=60)[1] == ""
    assert done.returncode in (0, 1)


SLOW_IMPORT = """
import os, signal, sys, threading, time
sys.path.insert(0, {root!r})
class Interrupts:  # Ctrl-C comes while a library is imported
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "jinja2", "numpy", "argparse"):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
sys.meta_path.insert(0, Interrupts())
from lightning_cgan.cli.main import main
sys.exit(main({words!r}))
"""


@pytest.mark.parametrize("words", [["fit"], ["compare", "runs/a"], ["report", "runs/a"], ["features", "list"]])
def test_ctrl_c_while_libraries_are_imported_ends_in_one_line(words):
    code = SLOW_IMPORT.format(root=str(REPOSITORY), words=words)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")
