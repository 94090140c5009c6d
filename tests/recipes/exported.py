"""Does the ``model/`` that a recipe leaves predict what the recipe predicted?"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from mgf_brain.data.labels.trials import read_trials
from mgf_brain.data.manifest import Utterance, read_manifest
from mgf_brain.downstream.back_ends import cosine_scores
from mgf_brain.inference import EmotionClassifier, SpeakerVerifier, SpeechRecognizer
from mgf_brain.inference.task import SpeechTask
from mgf_brain.tasks.transcription.training import Transcript, error_rates
from mgf_brain.tasks.verification.training import verification_metrics

FILES = {"hyperparams.yaml", "model.safetensors", "results.json", "README.md"}


def exported(out: Path, *more: str) -> Path:
    """The model's folder, moved away from the run, after a look at what is in it."""
    folder = out.parent / "elsewhere"
    shutil.move(out / "model", folder)
    assert {path.name for path in folder.iterdir()} == FILES | set(more)
    for name in ("hyperparams.yaml", "README.md", "results.json"):
        text = (folder / name).read_text(encoding="utf-8")
        assert str(out.parent) not in text and "seed:" not in text, name
    return folder


def check_count(model: SpeechTask, results: dict, tuned: bool) -> None:
    """What was trained is counted: the head, and with it the encoder if that was tuned."""
    trained = (model if tuned else model.head).parameters()
    assert results["model"]["parameters"] == sum(weights.numel() for weights in trained)


def check_classifier(out: Path, tuned: bool, *more: str) -> None:
    """The last fold's probabilities, which the recipe keeps in ``save``."""
    folder = exported(out, *more)
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    classifier = EmotionClassifier.from_pretrained(folder)
    check_count(classifier, results, tuned)
    fold = results["exported_fold"]
    (made,) = (out / "save" / "folds").glob(f"{fold}-*.pt")
    kept = torch.load(made, weights_only=True)["probabilities"]
    wavs = [u.wav for u in _rows(out) if fold in (u.fold, u.speaker)]
    ranked = classifier.classify(wavs)
    found = torch.tensor([[dict(row)[label] for label in classifier.labels] for row in ranked])
    torch.testing.assert_close(found, kept, atol=1e-4, rtol=0)
    assert f"fold {fold}" in (folder / "README.md").read_text(encoding="utf-8")


def check_recogniser(out: Path, found: dict, tuned: bool, *more: str) -> None:
    """The error rates of greedy decoding, on the references of ``alignments.txt``."""
    units = ["units.model"] if (out / "save" / "units.model").is_file() else []
    recognizer = SpeechRecognizer.from_pretrained(exported(out, *units, *more))
    check_count(recognizer, found, tuned)
    metrics = found["metrics"]
    rows = {u.id: u for u in _rows(out)}
    blocks = (out / "alignments.txt").read_text(encoding="utf-8").strip().split("\n\n")
    references = {}
    for id, reference, *_ in (block.splitlines() for block in blocks):
        words = reference.removeprefix("REF:").split()
        references[id] = " ".join(word for word in words if set(word) != {"*"})
    texts = recognizer.transcribe([rows[id].wav for id in references])
    made = [
        Transcript(rows[id], references[id], t) for id, t in zip(references, texts, strict=True)
    ]
    rates = error_rates(made, phones="per" in metrics)
    assert rates == {name: metrics[name] for name in rates}


def check_verifier(
    out: Path, trials: Path, root: Path, metrics: dict[str, float], tuned: bool, *more: str
) -> None:
    """The scores over the trial list, and a threshold unless the encoder was tuned."""
    verifier = SpeakerVerifier.from_pretrained(exported(out, *more))
    listed = read_trials(trials, root)
    embeddings = verifier.embed([u.wav for u in listed.utterances])
    found = verification_metrics(cosine_scores(embeddings, listed.pairs), listed.same)
    for name, value in found.items():
        assert abs(value - metrics[name]) < 1e-6, name
    first, second = (listed.utterances[i].wav for i in listed.pairs[0])
    if tuned:
        assert verifier.threshold is None
        return
    assert verifier.same(first, second) == (verifier.score(first, second) >= verifier.threshold)


def _rows(out: Path) -> list[Utterance]:
    """All utterances; where there are no folds, the part is one."""
    return [
        replace(u, fold=u.fold or path.stem)
        for path in sorted((out / "save" / "manifests").glob("*.csv"))
        for u in read_manifest(path)
    ]
