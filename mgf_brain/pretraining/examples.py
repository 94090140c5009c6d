"""What a pretrained model makes of two utterances: spectra to see and hear, labels to read."""

from __future__ import annotations

import torch
import torchaudio
from markupsafe import Markup

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.data.batches.speech import SpeechBatch
from mgf_brain.objectives.base import Encoded
from mgf_brain.objectives.cluster_prediction import ClusterPrediction
from mgf_brain.objectives.frame import POWER_FLOOR, FrameReconstruction
from mgf_brain.objectives.system import PretrainingModel
from mgf_brain.reports.html import Table, part
from mgf_brain.reports.sound import decibels, levels_png, ogg

SHOWN = 2  # utterances
GRIFFIN_LIM = 32  # steps
LABELS = 60  # masked frames of each, whose labels are written out
COLUMNS = ("input", "masked input", "predicted")


@torch.no_grad()
def examples(model: PretrainingModel, batch: SpeechBatch) -> dict[str, Table]:
    """Tables for the page, by heading, of the objectives whose predictions can be shown.

    Arguments
    ---------
    model : PretrainingModel
        In evaluation mode.
    batch : SpeechBatch
        Of validation.

    Returns
    -------
    dict of str to Table

    Example
    -------
    >>> from mgf_brain.data.batches.speech import example_batch
    >>> from mgf_brain.nn.encoder import TransformerEncoder
    >>> from mgf_brain.nn.frontends import LogMel
    >>> from mgf_brain.nn.masking import SpanMask
    >>> from mgf_brain.nn.speech_model import SpeechModel
    >>> speech = SpeechModel(LogMel(16), TransformerEncoder(16, 32, 2, 4, 64, position_kernel=8))
    >>> objectives = {"frame": FrameReconstruction(32, 16, 402)}
    >>> model = PretrainingModel(speech, objectives, {"frame": 1.0}, SpanMask(3, 0.5)).eval()
    >>> tables = examples(model, example_batch())
    >>> list(tables), len(tables["frame: what is reconstructed"][1])
    (['frame: what is reconstructed'], 2)
    """
    encoded = model.encode(batch)
    rows = [batch.groups.tolist().index(group) for group in batch.groups.unique().tolist()[:SHOWN]]
    tables: dict[str, Table] = {}
    hop = model.speech.front_end.hop
    for name, objective in model.objectives.items():
        if isinstance(objective, FrameReconstruction):
            tables[f"{name}: what is reconstructed"] = _spectra(objective, encoded, hop, rows)
        elif isinstance(objective, ClusterPrediction):
            tables[f"{name}: which labels are predicted"] = _labels(objective, encoded, rows)
    return tables


def _spectra(objective: FrameReconstruction, encoded: Encoded, hop: int, rows: list[int]) -> Table:
    true, predicted = (x.float().exp().cpu() for x in objective.reconstruct(encoded))
    each = true.shape[1] // encoded.valid.shape[1]  # spectra of a frame
    valid, hidden = (
        x.cpu().repeat_interleave(each, 1)[..., None] for x in (encoded.valid, encoded.mask)
    )
    if objective.masked:  # else every frame is predicted
        predicted = torch.where(hidden, predicted, true)
    kinds = true, true.masked_fill(hidden, POWER_FLOOR), predicted
    cells = []
    for row in rows:
        id, kept = encoded.batch.ids[row], valid[row, :, 0]
        shown = zip(COLUMNS, (x[row, kept] for x in kinds), strict=True)
        loudest = float(decibels(true[row, kept]).max())
        made = [_player(power, hop // each, loudest, f"{id}, {what}") for what, power in shown]
        cells.append([id, *made])
    return ("utterance", *COLUMNS), cells


def _player(power: torch.Tensor, hop: int, loudest: float, name: str) -> Markup:
    """Of power spectra, (spectra, bins), whose phases Griffin-Lim finds."""
    window = 2 * (power.shape[1] - 1)
    taper = torch.hann_window(window)
    with torch.random.fork_rng(devices=[]):  # a training goes on as if nothing had been drawn
        torch.manual_seed(0)
        wav = torchaudio.functional.griffinlim(
            power.T * taper.square().sum(),
            taper,
            window,
            hop,
            window,
            power=2.0,
            n_iter=GRIFFIN_LIM,
            momentum=0.99,
            length=None,
            rand_init=True,
        )
    picture = levels_png(decibels(power), loudest)
    return part("player", ogg(wav), "", name, picture, len(wav) / SAMPLE_RATE)


def _labels(objective: ClusterPrediction, encoded: Encoded, rows: list[int]) -> Table:
    labels, named, masked = (x.cpu() for x in objective.named(encoded))
    cells = []
    for row in rows:
        both = (x[row, masked[row]].tolist() for x in (labels, named))
        pairs = list(zip(*both, strict=True))
        columns = [("same" if a == b else "substituted", str(a), str(b)) for a, b in pairs[:LABELS]]
        right = sum(a == b for a, b in pairs)
        cells.append([encoded.batch.ids[row], f"{right} of {len(pairs)}", part("aligned", columns)])
    return ("utterance", "masked frames named rightly", f"the first {LABELS} masked frames"), cells
