"""The enhancer, its folder and its card."""

from __future__ import annotations

from pathlib import Path

from mgf_brain.downstream.card import USE, Card
from mgf_brain.downstream.model_folder import Hparams, Results, export_model
from mgf_brain.downstream.pretrained import run_encoder_node
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.folder.write import new_node
from mgf_brain.inference import Enhancer


def export_enhancer(
    hparams: Hparams, extractor: FeatureExtractor, enhancer: Enhancer, results: Results
) -> Path:
    """Write encoder and head, see ``Enhancer``.

    Arguments
    ---------
    hparams : mapping
        The run's.
    extractor : FeatureExtractor
        Of the same encoder.
    enhancer : Enhancer
    results : dict
        What ``results.json`` holds.

    Returns
    -------
    Path
        The folder.
    """
    parts = {
        "encoder": run_encoder_node(hparams, enhancer.encoder),
        "head": new_node(hparams["head"], **mask_head_sizes(extractor)),
    }
    return export_model(hparams, enhancer, parts, results, enhancer_card())


def enhancer_card() -> Card:
    """Of a model that takes noise out of speech."""
    return Card(
        title="Speech enhancement",
        summary="Takes the noise out of speech, by a mask over its spectrum.",
        code=USE.substitute(
            kind="Enhancer", call='model.enhance("speech.wav")', made="# (samples,) at 16 kHz"
        ),
        limit="It knows the noise of its training. Speech in the background is speech to it, an "
        "echo stays, and what it takes for noise is lost: keep the recording.",
        pipeline_tag="audio-to-audio",
        notes=(
            "`si_sdr` is in dB, `stoi` in percent, `pesq` a mean opinion score (wide band); names "
            "that end in `_noisy` are of the recordings before enhancement. Files of more than "
            "30 s are cut into chunks that are faded into each other.",
        ),
    )


def mask_head_sizes(extractor: FeatureExtractor) -> dict[str, int]:
    """Arguments of the yaml's ``head``.

    Example
    -------
    >>> from mgf_brain.nn import LogMelFeatures
    >>> mask_head_sizes(FeatureExtractor(LogMelFeatures(), "fbank"))
    {'num_states': 1, 'dim': 80, 'hop': 160, 'window': 400}
    """
    return {name: getattr(extractor, name) for name in ("num_states", "dim", "hop", "window")}
