"""Finding commands, their help, and how they end."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mgf_brain.cli import verify
from mgf_brain.cli.main import COMMANDS, load_command, make_parser, summary, usage

ROOT = Path(__file__).parents[2]


def test_help_lists_every_command_without_importing_torch():
    code = (
        "import sys; from mgf_brain.cli.main import main; main(['--help']); "
        "print({'torch', 'numpy', 'speechbrain'} & set(sys.modules))"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    *lines, imported = done.stdout.splitlines()
    assert imported == "set()"
    assert "\n".join(lines) == usage()
    assert [line.split()[0] for line in lines[2:-2]] == list(COMMANDS)


def test_python_m_runs_it_too():
    words = [sys.executable, "-m", "mgf_brain.cli", "verfy"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: mgf-brain has no command verfy; the nearest is verify.")


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_have_the_interface_and_show_examples(name, run):
    command = load_command(name)
    assert summary(name) == command.HELP and "\n" not in command.HELP
    assert f"mgf-brain {name} " in command.EXAMPLES
    for line in command.EXAMPLES.splitlines():
        if line.startswith("  mgf-brain "):
            words = shlex.split(line.partition(" >")[0], comments=True)
            make_parser(words[1], load_command(words[1])).parse_args(words[2:])
    done = run(name, "--help")
    assert done.status == 0
    assert command.HELP.split()[0] in done.out and command.EXAMPLES.rstrip() in done.out


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_without_a_command_the_help_is_shown(words, run):
    assert run(*words) == (0, usage() + "\n", "")


def test_options_are_not_abbreviated(run):
    done = run("verify", "a.wav", "b.wav", "--model", "m", "--thresh", "0.5")
    assert done.status == 2 and "unrecognized arguments: --thresh 0.5" in done.err


def test_trust_and_device_are_off_unless_given():
    parser = make_parser("verify", verify)
    given = parser.parse_args(["a", "b", "--model", "m"])
    assert (given.trust, given.device) == (False, "cpu")


def test_ctrl_c_ends_with_130_and_without_a_traceback(run, monkeypatch):
    def interrupt(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(verify, "run", interrupt)
    assert run("verify", "a.wav", "b.wav", "--model", "m") == (130, "", "")


def test_faults_of_our_own_keep_their_traceback(run, monkeypatch):
    monkeypatch.setattr(verify, "run", lambda args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("verify", "a.wav", "b.wav", "--model", "m")


@pytest.mark.parametrize("words", [["--help"], ["pull", "--help"]])
def test_a_reader_that_has_seen_enough_is_no_fault(words):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "mgf_brain.cli", *words]
    buffered = os.environ | {"PYTHONUNBUFFERED": ""}  # else argparse takes no notice
    done = subprocess.run(command, cwd=ROOT, env=buffered, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_terminal_that_is_not_utf_8_gets_escapes(run):
    words = [sys.executable, "-m", "mgf_brain.cli", "--help"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "\\u2026" in done.stdout
