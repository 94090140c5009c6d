"""The page of a run: what it scored, with intervals, and where it was wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from mgf_brain.downstream.pretrained import adapted_name
from mgf_brain.downstream.run import corpus_folder
from mgf_brain.reports.maps import embedding_map
from mgf_brain.reports.task_page import Mistake, Picture, Score, TaskPage, write_task_page
from mgf_brain.run.experiment import Experiment
from mgf_brain.tasks.speakers.naming import Named
from mgf_brain.tasks.speakers.oneshot import Mixup, OneShot, mixups

PROTOCOLS = {
    "accuracy": "closed set of",
    "accuracy_oneshot": "one-shot test of",
    "accuracy_oneshot_statistics": "the same by statistics,",
}


def write_speakers_page(
    experiment: Experiment,
    named: Mapping[str, Named],
    oneshot: OneShot,
    vectors: Sequence[torch.Tensor],
) -> None:
    """Write the page: scores with intervals over speakers, a map and the errors of one-shot."""
    hparams = experiment.hparams
    tests = [
        f"{PROTOCOLS[name]} {len(test.names):,} utterances of {len(set(test.speakers))} speakers"
        for name, test in named.items()
    ]
    write_task_page(
        hparams["output_folder"],
        TaskPage(
            title=f"Speaker classification on {corpus_folder(hparams).name}",
            lead=f"{adapted_name(hparams)}: {', '.join(tests)}.",
            scores=[Score(name, t.accuracy(), *t.interval()) for name, t in named.items()],
            pictures=[_map(oneshot, vectors)] if vectors else [],
            mistakes=[_mistake(found) for found in mixups(oneshot, *vectors)] if vectors else [],
            score_name="cosine above the true speaker's",
            note="One-shot: an utterance, and the enrolment that it was nearest to.",
        ),
    )


def _map(oneshot: OneShot, vectors: Sequence[torch.Tensor]) -> Picture:
    both, title = [*oneshot.enrol, *oneshot.test], "one-shot embeddings"
    rows, speakers = torch.cat(list(vectors)).numpy(), [f"speaker {u.speaker}" for u in both]
    return Picture("map", lambda: embedding_map(rows, speakers, title=title, utterances=both))


def _mistake(found: Mixup) -> Mistake:
    """Both files: what was to be named, and the enrolment that it was nearest to."""
    test, enrol = found.test, found.enrol
    audio = test.wav, enrol.wav
    id = " / ".join(Path(wav).stem for wav in audio)  # ids of a list are paths
    return Mistake(id, test.speaker, enrol.speaker, found.excess, audio)
