"""SUPERB's published scores, for the tasks that have its corpus and score: not run here.

Of its own heads and settings: Yang et al., "SUPERB: Speech processing universal performance
benchmark" (2021), table 2; the WavLM rows of Chen et al., "WavLM" (2021), table 1.
"""

from __future__ import annotations

from typing import NamedTuple

from mgf_brain.metrics.names import UNKNOWN


class Published(NamedTuple):
    """A task's scores.

    Arguments
    ---------
    corpus : str
    metric : str
        The score's name in ``results.json``.
    scores : dict of str to float
        By model, as the papers name it.
    """

    corpus: str
    metric: str
    scores: dict[str, float]


PUBLISHED = {
    "ER": Published(
        "IEMOCAP, four classes, five sessions",
        "wa",
        {
            "fbank": 35.39,
            "wav2vec 2.0 Base": 63.43,
            "wav2vec 2.0 Large": 65.64,
            "HuBERT Base": 64.92,
            "HuBERT Large": 67.62,
            "WavLM Base": 65.94,
            "WavLM Base+": 68.65,
            "WavLM Large": 70.62,
        },
    ),
    "ASV": Published(
        "VoxCeleb1",
        "eer",
        {
            "fbank": 9.56,
            "wav2vec 2.0 Base": 6.02,
            "wav2vec 2.0 Large": 5.65,
            "HuBERT Base": 5.11,
            "HuBERT Large": 5.98,
            "WavLM Base": 4.69,
            "WavLM Base+": 4.07,
            "WavLM Large": 3.77,
        },
    ),
}


def published_rows(tasks: list[str]) -> tuple[list[str], list[list[str]]]:
    """A table of those that tasks of SUPERB have: header and rows, a model each.

    Arguments
    ---------
    tasks : list of str
        SUPERB's names; others have none.

    Example
    -------
    >>> header, rows = published_rows(["ER", "SE"])
    >>> header, rows[0]
    (['published, not run', 'ER: wa'], ['fbank', '35.39'])
    """
    known = [(task, PUBLISHED[task]) for task in tasks if task in PUBLISHED]
    models = dict.fromkeys(name for _, found in known for name in found.scores)
    header = ["published, not run", *(f"{task}: {found.metric}" for task, found in known)]
    rows = [
        [
            name,
            *(
                f"{found.scores[name]:.2f}" if name in found.scores else UNKNOWN
                for _, found in known
            ),
        ]
        for name in models
    ]
    return header, rows
