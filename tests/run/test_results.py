"""results.json: which code a run was of."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from torch import nn

from mgf_brain.run import results

ROOT = Path(__file__).parents[2]


def versions() -> dict[str, str]:
    made = results.make_results("a.py", "b.yaml", 1, {}, nn.Linear(1, 1), {}, {})
    return made["versions"]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="is no checkout")
def test_the_commit_of_a_checkout_is_named():
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    commit, _, mark = versions()["commit"].partition("-")  # as it was when this began
    assert commit == head.stdout.strip() and mark in ("", "dirty")


def copied(folder: Path, monkeypatch) -> Path:
    """The module as if it lay in another folder."""
    file = folder / "mgf_brain/run/results.py"
    file.parent.mkdir(parents=True)
    file.write_text("first\n")
    monkeypatch.setattr(results, "__file__", str(file))
    return file


def test_changed_files_are_marked_and_others_are_not(tmp_path: Path, monkeypatch):
    file = copied(tmp_path, monkeypatch)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    clean = results._commit()["commit"]
    (tmp_path / "notes.txt").write_text("git does not know it")
    assert len(clean) == 40 and results._commit()["commit"] == clean
    file.write_text("second\n")
    assert results._commit()["commit"] == f"{clean}-dirty"


def test_an_installed_package_has_no_commit_even_below_another_repository(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    copied(tmp_path / "site-packages", monkeypatch)
    assert results._commit() == {}
