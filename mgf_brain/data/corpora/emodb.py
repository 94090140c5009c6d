"""Preparing EmoDB (Burkhardt et al., Interspeech 2005): acted German speech of ten actors.

Layout: `wav/SSTTTEV.wav` with the speaker (03 to 16), the sentence (a01 to b10), the emotion's
German initial and the version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.corpus import Parts, corpus_reader
from mgf_brain.data.preparation.layout import audio_by_stem, check_layout, match_stem

EMOTIONS = {
    "W": "anger",  # Wut
    "L": "boredom",  # Langeweile
    "E": "disgust",  # Ekel
    "A": "fear",  # Angst
    "F": "happiness",  # Freude
    "T": "sadness",  # Trauer
    "N": "neutral",
}
STEM = re.compile(r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[WLEAFTN])[a-z]", flags=re.ASCII)


@corpus_reader
def prepare_emodb(root: Path) -> Parts:
    """EmoDB: one part, 535 utterances of 7 emotions; a fold is a speaker, to leave one out.

    Arguments
    ---------
    root : Path
        The folder that holds `wav/`; audio may be re-encoded.
    """
    check_layout(root, "wav/*")
    return {"all": list(_read(root))}


def _read(root: Path) -> Iterator[Utterance]:
    for id, path in audio_by_stem(root / "wav").items():
        name = match_stem(path, STEM, "SSTTTEV")
        yield Utterance(
            id,
            0.0,
            str(path),
            f"emodb-{name['speaker']}",
            label=EMOTIONS[name["emotion"]],
            fold=name["speaker"],
        )
