"""Preparing RAVDESS (Livingstone & Russo, PLoS ONE 2018): acted English speech of 24 actors.

Layout: `Actor_<AA>/03-01-<emotion>-<intensity>-<statement>-<repetition>-<AA>.wav`, two digits
each; 03 is audio without video, 01 speech. Songs (02) beside it are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.corpus import Parts, corpus_reader
from mgf_brain.data.preparation.layout import audio_by_stem, check_layout, match_stem

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
STEM = re.compile(
    r"03-(?P<channel>0[12])-(?P<emotion>0[1-8])(-\d\d){3}-(?P<actor>\d\d)", flags=re.ASCII
)
SPEECH = "01"
ACTORS_PER_FOLD = 4  # six folds of two women and two men: actors alternate


@corpus_reader
def prepare_ravdess(root: Path) -> Parts:
    """RAVDESS's speech: one part, 1,440 utterances of 8 emotions, with emotion and fold.

    The folds are 1 (actors 1 to 4), 2 (5 to 8), …, 6 (21 to 24).

    Arguments
    ---------
    root : Path
        The folder that holds `Actor_01/`, …; audio may be re-encoded.
    """
    check_layout(root, "Actor_*/03-01-*")
    return {"all": list(_read(root))}


def _read(root: Path) -> Iterator[Utterance]:
    for folder in sorted(root.glob("Actor_*")):
        for id, path in audio_by_stem(folder).items():
            name = match_stem(path, STEM, "03-01-EE-II-SS-RR-AA")
            if name["channel"] == SPEECH:
                yield Utterance(
                    id,
                    0.0,
                    str(path),
                    f"ravdess-{name['actor']}",
                    label=EMOTIONS[name["emotion"]],
                    fold=str((int(name["actor"]) - 1) // ACTORS_PER_FOLD + 1),
                )
