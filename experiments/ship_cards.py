"""The cards of the models that come with the package, filled from their results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

from mgf_brain.downstream.card import CITATION
from mgf_brain.errors import UserError
from mgf_brain.files import read_json
from mgf_brain.folder.card import TASK, metadata
from mgf_brain.folder.hub import PLACEHOLDER
from mgf_brain.folder.shipped import AGE, ENCODER, PHONES, SEX, SPEAKERS
from mgf_brain.metrics.names import score_text, score_title

Scores = Mapping[str, float]
LICENCES = ["CC BY 4.0", "free for commercial and non-commercial use"]
USES = {
    SPEAKERS: ("whether two recordings are of one speaker", "SpeakerVerifier", "eer"),
    SEX: ("sex of the speaker, m or f", "UtteranceClassifier", "uar"),
    AGE: ("child (under 18) or adult", "UtteranceClassifier", "uar"),
    PHONES: ("39 phones of English, of the words said", "SpeechRecognizer", "per"),
}
ENCODER_CARD = Template("""\
---
$metadata
---

# mgf-mini: the speech encoder that comes with mgf_brain

Maps a waveform to the states of every layer, frame by frame, and to one vector an utterance.
$parameters parameters, stored in half precision and loaded to single. Four small heads use it; each
holds only what was trained upon it.

## Data

$hours hours of speech, $utterances utterances of $speakers speakers, without labels, from two
corpora and no other:

- an excerpt of [LibriSpeech](https://www.openslr.org/12)'s train-clean-100, English read aloud
  (Panayotov et al. 2015), CC BY 4.0;
- the train part of [speechocean762](https://www.openslr.org/101), English read by speakers of
  Mandarin, half of them children (Zhang et al. 2021), free for commercial and non-commercial use.

The heads were trained on the labels of speechocean762's train part. The weights come under the
licences of these data: name both corpora where you pass them on.

## What it does

On speechocean762's test part, whose speakers are in no training, from these files:

| model | tells | class | score |
|---|---|---|---|
$heads

## What it does not

- It is small and has heard few hours. Where a larger model may be fetched, use that: every class
  and recipe takes one in place of this name.
- Words: no head writes them. Of the phones, $per are wrong, missing or added.
- Other sessions: each speaker of the test was recorded once, so that microphone and room help to
  tell speakers apart. Where these change, expect more errors, and choose another threshold.
- Emotion: no head. The corpora that would teach one are acted, small, or not free for every use.
- Other languages, noise, telephones and far microphones: it has not heard them.
- States and embeddings carry the speaker's identity: treat them as personal data where the speech
  is. Do not judge people by what the heads say.

## Use

```python
from mgf_brain import SpeechEncoder

encoder = SpeechEncoder.from_pretrained("mgf-mini")
(speech,) = encoder.represent("speech.wav")
print(speech.states.shape, speech.embedding.shape)
```

$training
""")
STORED = Template("""\
## As it is stored

This folder holds the head alone, parameters in float16; the encoder is that of mgf-mini, which
`base.json` names with a hash of its weights. Loaded, all is float32. The scores above are the
recipe's; by this folder's class, with encoder and head in either precision:

| score | float32 | float16, these files | float16, every eighth utterance |
|---|---:|---:|---:|
$rows
$threshold
The encoder has heard LibriSpeech (an excerpt, CC BY 4.0) and speechocean762's train part (free for
commercial and non-commercial use), and the head only the latter.
""")
THRESHOLD = """
At the threshold {misses} of the test's pairs of one speaker are missed and {false_alarms} of the
pairs of two are taken for one. It was read on training speakers, where both are as many.
"""
TABLE = "\n\n| | |\n|---|---|\n"  # of a card's facts
UNNAMED = ("misses", "false_alarms")  # at the threshold: shares, no metrics of a table


def encoder_card(original: str, folder: Path, heads: Mapping[str, Scores]) -> str:
    """The card of the encoder.

    Arguments
    ---------
    original : str
        The card that its training wrote, whose objectives and validation are kept.
    folder : Path
        With ``results.json``.
    heads : mapping of str to Scores
        Of the heads by name.

    Returns
    -------
    str
    """
    results = read_json(folder / "results.json")
    data, metrics = results["data"], {name: _named(x) for name, x in heads.items()}
    facts = {"corpus": "LibriSpeech and speechocean762", "language": "en"}
    return ENCODER_CARD.substitute(
        metadata=metadata(ENCODER, TASK, facts, {"metrics": metrics}, LICENCES).to_yaml(),
        parameters=f"{results['model']['parameters']:,}",
        hours=f"{data['hours']:.1f}",
        utterances=f"{data['utterances']:,}",
        speakers=f"{data['speakers']:,}",
        heads="\n".join(_use(name, scores) for name, scores in heads.items()),
        per=score_text("per", heads[PHONES]["per"]) if PHONES in heads else "many",
        training=_training(original),
    )


def _training(original: str) -> str:
    """What a training's card says of its settings, objectives, validation and papers."""
    _, table, rest = original.partition(TABLE)
    _, objectives, losses = rest.partition("## Objectives")
    if not (table and objectives):
        raise UserError("the encoder's README.md is no training's. Pass the pretrained/ of a run.")
    _, heading, papers = rest.partition(CITATION)
    facts, _, _ = rest.partition("\n\n")
    settings = f"## How it was trained{TABLE}{facts}\n\n"
    return settings + objectives + losses.partition("## Use")[0] + heading + papers


def _use(name: str, scores: Scores) -> str:
    tells, kind, metric = USES[name]
    return f"| `{name}` | {tells} | `{kind}` | {metric} {score_text(metric, scores[metric])} |"


def head_card(name: str, original: str, scores: Mapping[str, Scores]) -> str:
    """The card of a head: the recipe's, with what is stored, and how that scores.

    Example
    -------
    >>> scores = {kind: {"per": 50.0} for kind in ("float32", "float16", "float16_small")}
    >>> "| PER | 50.00 % | 50.00 % | 50.00 % |" in head_card("mgf-mini-phones", "## Use", scores)
    True
    """
    rows = "\n".join(
        f"| {title} | {' | '.join(_text(score, x[score]) for x in scores.values())} |"
        for score, title in _titles(scores["float16"]).items()
    )
    stored = scores["float16"]
    found = {score: _text(score, stored[score]) for score in UNNAMED if score in stored}
    section = STORED.substitute(rows=rows, threshold=THRESHOLD.format(**found) if found else "")
    before, heading, rest = original.replace(PLACEHOLDER, name).partition("## Use")
    return f"{before}{section.rstrip()}\n\n{heading}{rest}"


def _named(scores: Scores) -> dict[str, float]:
    """Those that are metrics, see ``mgf_brain.metrics.names``."""
    return {score: value for score, value in scores.items() if score not in UNNAMED}


def _titles(scores: Scores) -> dict[str, str]:
    return {score: score_title(score) for score in _named(scores)}


def _text(score: str, value: float) -> str:
    return f"{value:.2f} %" if score in UNNAMED else score_text(score, value)
