"""Runs that are killed at random moments end as if they had not been, and leave nothing behind."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.data.miniatures import make_emodb
from tests.faults.conftest import SOAK
from tests.faults.lives import lifetime, live
from tests.tiny_yaml import ROOT, write_tiny_yaml

KILLS = 18 if SOAK else 3  # of each kind of run
LIVES = 100  # of a run: one that makes no progress is stuck
OF_THE_CLOCK = ("time", "seconds", "wall_s", "training_s", "tracks_s", "audio_s_per_s")
OF_THE_CLOCK += ("peak_rss_mb", "checksum")
PRETRAIN = "recipes/LibriSpeech/pretrain.py"


def pretraining(home: Path, system: str, output: Path) -> list[str]:
    options = {
        "data_folder": home / "corpus",
        "output_folder": output,
        "log_interval": 1,
        "valid_interval": 5,
        "valid_share": 0.2,
        "ckpt_interval_minutes": 0,
        "ckpt_interval_steps": 2,
        "export_at": [0.5],
    }
    words = [str(word) for key, value in options.items() for word in (f"--{key}", value)]
    return [str(home / f"hparams/{system}.yaml"), *words, "--noprogressbar"]


def timeless(facts: object) -> object:
    """Without what clocks say."""
    if isinstance(facts, dict):
        return {k: timeless(v) for k, v in facts.items() if k not in OF_THE_CLOCK}
    return facts


def content(folder: Path) -> Iterator[tuple[str, object]]:
    """What a run has left, to the bit, but for what clocks say."""
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix in (".safetensors", ".npy", ".csv"):
            yield name, path.read_bytes()
        elif path.name in ("results.json", "track.json"):
            yield name, timeless(json.loads(path.read_bytes()))


def leftovers(folder: Path) -> list[str]:
    """Hidden files, parts, and checkpoints that are none."""
    hidden = [p for p in folder.rglob("*") if p.name.startswith(".")]
    parts = list(folder.rglob("parts-*"))
    halves = [p for p in folder.rglob("CKPT+*") if not (p / "CKPT.yaml").exists()]
    return [str(path) for path in hidden + parts + halves]


class Killer:
    """Ends lives of a run at random moments, until there have been enough of them."""

    def __init__(self, longest: float, seed: int) -> None:
        self.rng, self.longest, self.kills = random.Random(seed), longest, 0

    def end(self, script: str, words: list[str], home: Path, cache: Path) -> None:
        """Start a run again and again, until it ends by itself."""
        for _ in range(LIVES):
            seconds = self.rng.uniform(0, self.longest) if self.kills < KILLS else None
            status = live(script, words, home / "log.txt", cache, seconds)
            if status is not None:
                assert status == 0, (home / "log.txt").read_text()[-3000:]
                return
            self.kills += 1
        raise AssertionError(f"not done: {(home / 'log.txt').read_text()[-3000:]}")


def compare(script: str, home: Path, words: Callable[[Path], list[str]], seed: int) -> None:
    """Runs that are killed with one that is not; ``words(output)`` starts one."""
    whole = home / "whole"
    longest = lifetime(script, words(whole), home / "log.txt", home / "cache/whole")
    expected, killer, number = dict(content(whole)), Killer(longest, seed), 0
    while killer.kills < KILLS:
        killed, number = home / f"killed{number}", number + 1
        killer.end(script, words(killed), home, home / "cache" / killed.name)
        found = dict(content(killed))
        assert expected.keys() == found.keys()
        assert [name for name in expected if expected[name] != found[name]] == []
        assert leftovers(killed) == []


@pytest.mark.slow
@pytest.mark.timeout(3600 if SOAK else 900)
@pytest.mark.parametrize("system", ["progre", "hubert", "mgf"] if SOAK else ["progre"])
def test_a_killed_pretraining_ends_as_if_it_had_not_been(noise_corpus, tmp_path: Path, system: str):
    """In preparation, labels, F0, speakers, training, checkpoints, milestones and export."""
    noise_corpus(tmp_path / "corpus")
    write_tiny_yaml(tmp_path / "hparams", 12)
    compare(PRETRAIN, tmp_path, lambda out: pretraining(tmp_path, system, out), seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3600 if SOAK else 900)
def test_killed_folds_end_as_if_they_had_not_been(tmp_path: Path):
    """Folds, and the features of each run's own cache."""
    make_emodb(tmp_path / "corpus")
    yaml = str(ROOT / "hparams/emotion.yaml")
    options = {"data_folder": tmp_path / "corpus", "pretrained": "random", "number_of_epochs": 2}
    words = [str(word) for key, value in options.items() for word in (f"--{key}", value)]

    def start(output: Path) -> list[str]:
        return [yaml, *words, "--output_folder", str(output), "--seed", "3"]

    compare("recipes/EmoDB/emotion.py", tmp_path, start, seed=2)
