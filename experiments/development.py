#!/usr/bin/env python3
"""Scores to choose by: of speakers that no test list has, for content, speaker and emotion at once.

> python -m experiments.development --data $DATA --protocol $PROTOCOL \
    --held results/development/held.csv <pretrained folder> …

Phones: the labelled utterances of LibriSpeech's train-clean-100, in four folds of speakers.
Speakers: all pairs of the utterances in ``--held``, which the encoder must not have heard
(``--split`` makes such a part of speechocean762's training manifest), and one-shot, every utterance
of a speaker once the one that is known. Emotion: RAVDESS's actors 1 to 12 in four folds. The probes
are those of the recipes. EmoDB, RAVDESS's other actors and all test lists stay unheard.
"""

from __future__ import annotations

import argparse
import csv
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import torch

from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.corpora.ravdess import prepare_ravdess
from mgf_brain.data.labels.phone_labels import (
    choose_utterances,
    number_of_classes,
    read_class_names,
    read_phone_labels,
)
from mgf_brain.data.manifest import Utterance, read_manifest
from mgf_brain.downstream.pretrained import load_extractor
from mgf_brain.downstream.probes import EmbeddingData, FrameData, logits_of, train_probe
from mgf_brain.errors import run_main
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.files import open_atomic
from mgf_brain.metrics.classification import classification_scores
from mgf_brain.metrics.detection import eer
from mgf_brain.nn.probe import Probe
from mgf_brain.run.yaml_files import read_files
from mgf_brain.tasks.phones.naming import correct_counts, name_phones, pooled_accuracy

FOLDS = 4
ACTORS = 12  # of RAVDESS's 24
HELD_SPEAKERS = 25
FIELDS = ("model", "phones", "phones_speech", "eer", "oneshot", "emotion")


def probe_numbers(hparams_file: str) -> dict[str, float]:
    """What a task's yaml trains its probe by.

    Example
    -------
    >>> sorted(probe_numbers("hparams/phonemes.yaml"))
    ['batch_size', 'epochs', 'learning_rate', 'weight_decay']
    """
    tree = read_files(hparams_file)
    numbers = {key: tree[key] for key in ("batch_size", "learning_rate", "weight_decay")}
    return {"epochs": tree["number_of_epochs"], **numbers}


def folds_of_speakers(rows: Sequence[Utterance]) -> list[tuple[list[Utterance], list[Utterance]]]:
    """Training and test part of each fold; no speaker is in both.

    Example
    -------
    >>> rows = [Utterance(f"{s}{i}", 1.0, "a.wav", s) for s in "abcdef" for i in (1, 2)]
    >>> [sorted({u.speaker for u in test}) for _, test in folds_of_speakers(rows)]
    [['a', 'e'], ['b', 'f'], ['c'], ['d']]
    """
    speakers = sorted({u.speaker for u in rows})
    parts = [set(speakers[k::FOLDS]) for k in range(FOLDS)]
    return [
        ([u for u in rows if u.speaker not in part], [u for u in rows if u.speaker in part])
        for part in parts
    ]


def phones(extractor: FeatureExtractor, args: argparse.Namespace) -> dict[str, float]:
    """Accuracy in percent, of all labels and of those of speech."""
    path = str(args.protocol / "phones_41.txt")
    labels = read_phone_labels(path)
    manifest = prepare_librispeech(args.data / "LibriSpeech", args.work)["train-clean-100"]
    rows = choose_utterances(read_manifest(manifest), labels, path)
    silence = read_class_names(path, labels.values()).index("SIL")
    made, numbers = [], probe_numbers("hparams/phonemes.yaml")
    for train, test in folds_of_speakers(rows):
        data = FrameData(extractor, train, labels)
        torch.manual_seed(1)
        classes = number_of_classes(labels.values())
        probe = Probe(extractor.num_states, extractor.dim, classes, data.grid.labels_per_frame)
        train_probe(probe, data, **numbers, seed=1, log=_silent)
        made += name_phones(probe, FrameData(extractor, test, labels, cache=False))
    counts = correct_counts(made, silence)
    found = {name: pooled_accuracy(rows) for name, rows in counts.items()}
    return {"phones": found["accuracy"], "phones_speech": found["accuracy_speech"]}


def speakers(extractor: FeatureExtractor, args: argparse.Namespace) -> dict[str, float]:
    """EER over all pairs, and accuracy in percent with one known utterance a speaker."""
    rows = read_manifest(args.held)
    names = sorted({u.speaker for u in rows})
    owner = torch.tensor([names.index(u.speaker) for u in rows])
    x = torch.nn.functional.normalize(extractor.embeddings(rows), dim=1)
    cosine, same = x @ x.T, owner[:, None] == owner[None]
    pairs = torch.ones_like(same).triu(1)
    scores = eer(cosine[pairs & same].numpy(), cosine[pairs & ~same].numpy())
    right = []
    for turn in range(min(int((owner == k).sum()) for k in range(len(names)))):
        known = torch.stack([(owner == k).nonzero()[turn, 0] for k in range(len(names))])
        asked = torch.ones(len(rows)).bool().index_fill(0, known, False)
        right.append((cosine[asked][:, known].argmax(1) == owner[asked]).float().mean())
    return {"eer": scores, "oneshot": 100.0 * torch.stack(right).mean().item()}


def emotion(extractor: FeatureExtractor, args: argparse.Namespace) -> dict[str, float]:
    """UAR in percent over the pooled predictions."""
    manifest = next(iter(prepare_ravdess(args.data / "RAVDESS", args.work).values()))
    rows = [u for u in read_manifest(manifest) if int(u.speaker.split("-")[-1]) <= ACTORS]
    classes = sorted({str(u.label) for u in rows})
    statistics = dict(zip((u.id for u in rows), extractor.statistics(rows), strict=True))
    truth, named, settings = [], [], probe_numbers("hparams/emotion.yaml")
    for train, test in folds_of_speakers(rows):
        x, y = ([statistics[u.id] for u in part] for part in (train, test))
        numbers = torch.tensor([classes.index(str(u.label)) for u in train])
        torch.manual_seed(1)
        probe = Probe(*x[0].shape, len(classes))
        train_probe(probe, EmbeddingData(torch.stack(x), numbers), **settings, seed=1, log=_silent)
        named += logits_of(probe, torch.stack(y))[:, 0].argmax(1).tolist()
        truth += [classes.index(str(u.label)) for u in test]
    return {"emotion": classification_scores(truth, named)["uar"]}


def _silent(step: int, figures: dict[str, float]) -> None:
    """No log."""


def split(manifest: Path, folder: Path) -> None:
    """``train.csv`` and ``held.csv`` of a training manifest, without a speaker in common."""
    folder.mkdir(parents=True, exist_ok=True)
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["spk_id"] for row in rows})
    held = set(random.Random(24).sample(names, HELD_SPEAKERS))
    shutil.copy(manifest.parent / "prepare_summary.json", folder)  # which names the audio's root
    for name, wanted in (("train", False), ("held", True)):
        with open_atomic(folder / f"{name}.csv") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(row for row in rows if (row["spk_id"] in held) == wanted)


def main() -> None:
    """Split a manifest, or score models."""
    args = _arguments()
    if args.split:
        split(args.split, args.held.parent)
    for model in args.models:
        extractor = load_extractor(model, "hparams/mgf.yaml", seed=1986)
        found: dict[str, float] = {}
        for score in (speakers, emotion, phones):
            found |= score(extractor, args)
        print(model, *(f"{name} {found[name]:.2f}" for name in FIELDS[1:]), flush=True)
        new = not args.table.exists()
        with args.table.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerows([FIELDS] if new else [])
            writer.writerow([model, *(f"{found[name]:.2f}" for name in FIELDS[1:])])


def _arguments() -> SimpleNamespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="*", help="folders, or what --pretrained takes")
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--protocol", type=Path, required=True, help="folder of phones_41.txt")
    parser.add_argument("--held", type=Path, required=True, help="manifest of speakers held back")
    parser.add_argument("--split", type=Path, help="manifest to hold speakers back from, first")
    parser.add_argument("--work", type=Path, default=Path("results/development/manifests"))
    parser.add_argument("--table", type=Path, default=Path("results/development/scores.csv"))
    return SimpleNamespace(**vars(parser.parse_args()))


if __name__ == "__main__":
    run_main(main)
