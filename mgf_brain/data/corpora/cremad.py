"""Preparing CREMA-D (Cao et al., IEEE TAC 2014): acted English speech of 91 actors.

Layout: `AudioWAV/<actor>_<sentence>_<emotion>_<level>.wav` with the actor (1001 to 1091), three
letters each for sentence and emotion, and the level (LO, MD, HI, XX; one file has X).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.corpus import Parts, corpus_reader
from mgf_brain.data.preparation.layout import audio_by_stem, check_layout, match_stem

EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
STEM = re.compile(
    rf"(?P<actor>1\d{{3}})_[A-Z]{{3}}_(?P<emotion>{'|'.join(EMOTIONS)})_[A-Z]+", flags=re.ASCII
)
FIRST_ACTOR = 1001
FOLDS = 5


@corpus_reader
def prepare_cremad(root: Path) -> Parts:
    """CREMA-D: one part, 7,442 utterances of 6 emotions, with emotion and fold.

    The emotion is the one that was acted, not the one that listeners heard. The corpus has no
    official folds: ours are five by actor, every fifth actor one, so that actor 1001 is in fold
    1, 1002 in 2, …, 1006 in 1 again.

    Arguments
    ---------
    root : Path
        The folder that holds `AudioWAV/`; audio may be re-encoded.
    """
    check_layout(root, "AudioWAV/*")
    return {"all": list(_read(root))}


def _read(root: Path) -> Iterator[Utterance]:
    for id, path in audio_by_stem(root / "AudioWAV").items():
        name = match_stem(path, STEM, "ID_SENT_EMO_LEVEL")
        yield Utterance(
            id,
            0.0,
            str(path),
            f"cremad-{name['actor']}",
            label=EMOTIONS[name["emotion"]],
            fold=str((int(name["actor"]) - FIRST_ACTOR) % FOLDS + 1),
        )
