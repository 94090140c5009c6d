"""Manifests that a comparison writes for its runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mgf_brain.bench.tasks import manifests
from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.manifest import read_manifest, write_manifest


def write_enhancement_manifest(data: str | Path, output: Path) -> None:
    """All of LibriSpeech for the enhancement task, its test parts as the test.

    The test's speakers are those whom no encoder has heard.
    """
    folder = manifests(output) / "LibriSpeech"
    parts = prepare_librispeech(f"{data}/LibriSpeech", folder)
    rows = [
        replace(row, fold="test" if part.startswith("test") else "train")
        for part, path in parts.items()
        for row in read_manifest(path)
    ]
    write_manifest(folder / "enhancement.csv", rows, f"{data}/LibriSpeech")
