#!/usr/bin/env python3
"""The weights that come with the package: an encoder in half precision, and heads upon it.

> python -m experiments.ship --encoder results/LibriSpeech+speechocean762/mgf/1986/pretrained \
    --data $DATA --protocol $PROTOCOL --output_folder results/ship

Writes the encoder in float16, trains heads upon it by the recipes of speechocean762 (speakers, sex,
child or adult, phones), scores all of them on the fixed lists in both precisions, fills the cards,
and puts the folders into mgf_brain/weights/, in place of those that are there. What is done for an
encoder is not done again.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from experiments.ship_cards import encoder_card, head_card
from experiments.ship_scores import SMALL, Scores, fixed_lists, said_of, scores_of, small
from mgf_brain.bench.processes import run_missing
from mgf_brain.bench.runs import Run
from mgf_brain.bench.tasks import SEED, TASKS, fill
from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762
from mgf_brain.data.manifest import read_manifest
from mgf_brain.errors import UserError, run_main
from mgf_brain.files import open_atomic, read_json
from mgf_brain.folder.adapted import AdaptedFolder, weights_fingerprint
from mgf_brain.folder.shipped import AGE, ENCODER, PHONES, SEX, SPEAKERS, WEIGHTS
from mgf_brain.folder.source import OwnFolder
from mgf_brain.folder.write import staged_folder
from mgf_brain.foreign.source import open_model
from mgf_brain.inference.any_model import load_any, load_encoder
from mgf_brain.interchange.whole import export_whole

HEADS = {
    SPEAKERS: "verification-speechocean762",
    SEX: "sex",
    AGE: "age_group",
    PHONES: "phone_recognition",
}

MOST = 0.1  # percent points that half precision may change a score by


def write_encoder(encoder: str, folder: Path) -> None:
    """The encoder in half precision, and a card that names its data and their licences."""
    if folder.is_dir():
        return
    source = open_model(encoder)
    with staged_folder(folder) as staging:
        export_whole(load_encoder(source), source, staging, half=True)
        _write_card(staging, encoder_card(_card_of(source.place), staging, {}))


def refuse_other_speech(encoder: str, data: str, folder: Path) -> None:
    """Raise a UserError if an encoder has heard what its card would not name.

    By the ``save/trained_on.csv`` of its run; a model that it goes on from has one of its own.
    """
    path = open_model(encoder).place.parent / "save" / "trained_on.csv"
    if not path.is_file():
        raise UserError(
            f"{path}: what the encoder has heard is not known. Pass a run's pretrained/."
        )
    parts = prepare_librispeech(Path(data) / "LibriSpeech", folder)
    parts |= {
        "speechocean762": prepare_speechocean762(Path(data) / "speechocean762", folder)["train"]
    }
    named = [manifest for part, manifest in parts.items() if not part.startswith("test")]
    known = {u.id for manifest in named for u in read_manifest(manifest)}
    with path.open(newline="", encoding="utf-8") as file:
        heard = [line[1] for line in csv.reader(file)]
    if others := [id for id in heard if id not in known]:
        raise UserError(f"{path}: {others[0]} is of neither corpus that the card names.")


def head_run(name: str, args: argparse.Namespace, stage: Path) -> Run:
    """The recipe that trains a head upon the frozen encoder."""
    task = TASKS[HEADS[name]]
    words = fill(task.options, args.data, args.protocol, stage)
    words += ["--pretrained", str(stage / ENCODER), "--seed", str(SEED)]
    return Run(stage / "runs" / name, (task.script, task.yaml, *words))


def write_head(run: Path, folder: Path, encoder: Path) -> None:
    """The head alone in half precision, which names the encoder as the package does."""
    if not folder.is_dir():
        source, base = open_model(run / "model"), OwnFolder.at(encoder, ENCODER)
        with staged_folder(folder) as staging:
            export_whole(load_any(source), source, staging, half=True, base=base)


def scored(encoder: str, run: Path, folder: Path, rows: Any) -> dict[str, Scores]:
    """Scores of a head as it was trained, upon the given encoder, and of the files that ship."""
    whole = load_any(run / "model")
    whole.encoder = load_encoder(encoder)
    beside = OwnFolder.at(folder.parent / ENCODER, ENCODER)  # whatever the package has
    stored = load_any(AdaptedFolder(folder, folder.name, lambda _: beside))
    said = said_of(stored, rows)
    return {
        "float32": scores_of(whole, rows, said_of(whole, rows)),
        "float16": scores_of(stored, rows, said),
        "float16_small": scores_of(stored, small(rows), said[::SMALL]),
    }


def kept(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a file holds, made if there is none."""
    if not path.is_file():
        made = make()
        with open_atomic(path) as file:
            json.dump(made, file, indent=2)
    return read_json(path)


def finish(encoder: Path, stage: Path, scores: dict[str, dict[str, Scores]]) -> None:
    """Write the scores into results and cards; ``encoder`` has the card of its training."""
    for name, found in scores.items():
        _add(stage / name, {"stored": found})
        text = _card_of(stage / "runs" / name / "model")
        _write_card(stage / name, head_card(name, text, found))
    stored = {name: found["float16"] for name, found in scores.items()}
    _add(stage / ENCODER, {"heads": stored})
    _write_card(stage / ENCODER, encoder_card(_card_of(encoder), stage / ENCODER, stored))


def _card_of(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


def _write_card(folder: Path, text: str) -> None:
    (folder / "README.md").write_text(text, encoding="utf-8")


def _add(folder: Path, more: dict[str, Any]) -> None:
    path = folder / "results.json"
    results = read_json(path) | more
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def put_into_package(stage: Path, names: list[str]) -> None:
    """Replace the folders of the package, and say how large they are."""
    for name in names:
        with staged_folder(WEIGHTS / name) as staging:
            shutil.copytree(stage / name, staging, dirs_exist_ok=True)
        size = sum(path.stat().st_size for path in (WEIGHTS / name).iterdir())
        print(f"{WEIGHTS / name}: {size / 1e6:.3f} MB")


def table(scores: dict[str, dict[str, Scores]]) -> str:
    """Each score in both precisions.

    Example
    -------
    >>> print(table({"a": {"float32": {"eer": 8.0}, "float16": {"eer": 8.05}}}))
    a                  eer           float32    8.0000  float16    8.0500  difference +0.0500
    """
    return "\n".join(
        f"{name:18} {score:13} float32 {value:9.4f}  float16 {found['float16'][score]:9.4f}  "
        f"difference {found['float16'][score] - value:+.4f}"
        for name, found in scores.items()
        for score, value in found["float32"].items()
    )


def refuse_other_scores(scores: Mapping[str, Mapping[str, Scores]]) -> None:
    """Raise a UserError if half precision changes a score by more than ``MOST``.

    Example
    -------
    >>> refuse_other_scores({"a": {"float32": {"eer": 8.0}, "float16": {"eer": 8.05}}})
    """
    for name, found in scores.items():
        for score, value in found["float32"].items():
            if abs(found["float16"][score] - value) > MOST:
                raise UserError(
                    f"{name}: {score} is {value:.4f} in float32, {found['float16'][score]:.4f} in "
                    "float16. Nothing was put into the package."
                )


def main() -> None:
    """Do what is missing, print the scores and the sizes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--encoder", required=True, help="the pretrained/ of a run")
    parser.add_argument("--data", required=True, help="folder of the corpora")
    parser.add_argument("--protocol", required=True, help="folder of the lists")
    parser.add_argument("--output_folder", type=Path, required=True)
    args = parser.parse_args()
    stage = args.output_folder / weights_fingerprint(open_model(args.encoder).weights())[:8]
    refuse_other_speech(args.encoder, args.data, args.output_folder / "manifests")
    write_encoder(args.encoder, stage / ENCODER)
    run_missing(head_run(name, args, stage) for name in HEADS)
    lists = fixed_lists(args.data, args.protocol, args.output_folder / "manifests")
    scores = {}
    for name in HEADS:
        run, folder = stage / "runs" / name, stage / name
        write_head(run, folder, stage / ENCODER)
        make = partial(scored, args.encoder, run, folder, lists[name])
        scores[name] = kept(stage / f"{name}.json", make)
    finish(open_model(args.encoder).place, stage, scores)
    print(table(scores))
    refuse_other_scores(scores)
    put_into_package(stage, [ENCODER, *HEADS])


if __name__ == "__main__":
    run_main(main)
