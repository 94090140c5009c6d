"""Preparing IEMOCAP (Busso et al., LREV 2008): English dialogues of ten actors in five sessions.

Layout: `Session<N>/dialog/EmoEvaluation/<dialog>.txt`, where each utterance has a line
`[start - end]<tab>utterance<tab>emotion<tab>[valence, activation, dominance]` above its single
ratings, and `Session<N>/sentences/wav/<dialog>/<utterance>.wav`. In `Ses01F_impro05_M019` the
last letter tells which of the session's two actors speaks, the first one who wears the markers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.corpus import Parts, corpus_reader
from mgf_brain.data.preparation.layout import audio_by_stem, check_layout
from mgf_brain.errors import UserError
from mgf_brain.files import read_lines

EVALUATIONS = "dialog/EmoEvaluation/Ses*.txt"  # the folders beside them hold single raters
EMOTIONS = {"ang": "angry", "hap": "happy", "sad": "sad", "neu": "neutral"}
EXCITED = "exc"
LINE = re.compile(
    r"\[[\d.]+ - [\d.]+\]\t"
    r"(?P<id>Ses(?P<session>\d\d)[FM]_\w+_(?P<sex>[FM])\w+)\t(?P<emotion>[a-z]+)\t.*",
    flags=re.ASCII,
)


@corpus_reader
def prepare_iemocap(root: Path, excited_as_happy: bool = True) -> Parts:
    """IEMOCAP's four usual classes: one part, 5,531 utterances, 4,490 without the excited ones.

    The classes are angry, happy, sad and neutral, by the corpus's own vote; all else is left out.
    A fold is a session.

    Arguments
    ---------
    root : Path
        The folder that holds `Session1/`, …; audio may be re-encoded.
    excited_as_happy : bool
        Whether excited utterances count as happy, as most papers have it, or are left out.
    """
    if not isinstance(excited_as_happy, bool):
        raise UserError(f"excited_as_happy must be true or false, not {excited_as_happy!r}.")
    check_layout(root, f"Session*/{EVALUATIONS}")
    labels = EMOTIONS | ({EXCITED: "happy"} if excited_as_happy else {})
    return {"all": list(_read(root, labels))}


def _read(root: Path, labels: Mapping[str, str]) -> Iterator[Utterance]:
    for session in sorted(root.glob("Session*")):
        for evaluation in sorted(session.glob(EVALUATIONS)):
            yield from _read_dialog(evaluation, session / "sentences/wav" / evaluation.stem, labels)


def _read_dialog(evaluation: Path, folder: Path, labels: Mapping[str, str]) -> Iterator[Utterance]:
    audio = audio_by_stem(folder)
    for number, line in read_lines(evaluation, "data_folder"):
        if not line.startswith("["):
            continue  # the header, or one rater's opinion
        fields = LINE.fullmatch(line.rstrip())
        if fields is None:
            raise UserError(
                f"{evaluation} line {number}: expected '[start - end] id emotion [v, a, d]'."
            )
        if fields["emotion"] in labels:
            id, session = fields["id"], fields["session"]
            yield Utterance(
                id,
                0.0,
                str(audio.get(id, folder / f"{id}.wav")),
                f"iemocap-Ses{session}{fields['sex']}",
                label=labels[fields["emotion"]],
                fold=str(int(session)),
            )
