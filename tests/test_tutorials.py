"""The tutorials: each from its first command to its last, on a miniature, as notebooks."""

import os
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from tests.test_readme import ROOT, blocks, write_speech

TUTORIALS = sorted(path.stem for path in (ROOT / "docs/tutorials").glob("*.md"))
TINY = "--optimizer_step_limit 2 --valid_interval 2 --num_workers 0".split()
SHORT = {  # what makes a command short
    "Custom/pretrain": TINY,
    "Custom/emotion": ["--number_of_epochs", "1", "--held_out_share", "0.5"],
    "Custom/verification": ["--number_of_epochs", "1", "--feature_cache", "False"],
}
FEW = ["--clusters", "4", "--batch_seconds", "40"]  # a few utterances of noise


@pytest.fixture
def workspace(tmp_path):
    """A folder with ``recordings/``, a table of labels, and a list of trials of other speakers."""
    rows, names = ["file,mood,who"], ("anna", "bert", "carl", "dora")
    for number, speaker in enumerate(names):
        for i in range(1, 5):
            write_speech(tmp_path / f"recordings/{speaker}/{i}.wav", [number, i])
            rows.append(f"{speaker}/{i}.wav,{('glad', 'sad')[i % 2]},{speaker}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    for number, speaker in enumerate(("emil", "fritz")):
        for i in range(1, 3):
            write_speech(tmp_path / f"others/{speaker}/{i}.wav", [9, number, i])
    paths = [f"{speaker}/{i}.wav" for speaker in ("emil", "fritz") for i in (1, 2)]
    trials = [f"{int(a[0] == b[0])} {a} {b}\n" for a in paths for b in paths if a < b]
    (tmp_path / "trials.txt").write_text("".join(trials))
    return tmp_path


def shortened(line):
    """A command with what makes it short."""
    words = shlex.split(line)
    if words[1:2] != ["run"]:
        return line
    more = [*SHORT[words[2]], *(FEW if words[2] == "Custom/pretrain" else [])]
    return f"{line} {shlex.join(more)}"


@pytest.mark.slow
@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_runs_from_its_first_command_to_its_last(name, workspace, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    text = (ROOT / f"docs/tutorials/{name}.md").read_text()
    notebook = runpy.run_path(str(ROOT / "docs/conf.py"))["notebook"](text)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shell = [cell for cell in cells if cell.source.startswith("%%bash\n")]
    assert len(shell) == len(blocks(f"docs/tutorials/{name}.md", "bash")) > 0
    for cell in shell:
        lines = map(shortened, cell.source.splitlines()[1:])
        cell.source = "\n".join(["%%bash", "set -e", *lines])
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for key, value in {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": programs}.items():
        monkeypatch.setenv(key, value)
    resources = {"metadata": {"path": str(workspace)}}
    nbclient.NotebookClient(notebook, timeout=900, resources=resources).execute()


@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_names_files_that_its_commands_write(name):
    page = (ROOT / f"docs/tutorials/{name}.md").read_text()
    written = set(re.findall(r"--output(?:_folder)? (\S+)", page))
    for folder in re.findall(r"`(results/\w+)/", page):
        assert folder in written, Path(folder)
