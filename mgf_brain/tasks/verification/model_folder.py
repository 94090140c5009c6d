"""The verifier, its folder and its card."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path

from mgf_brain.downstream.card import USE, Card
from mgf_brain.downstream.model_folder import Hparams, Results, export_model
from mgf_brain.downstream.pretrained import run_encoder_node
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.folder.write import new_node
from mgf_brain.inference import SpeakerVerifier
from mgf_brain.tasks.verification.calibration import Calibration

SAME = '\nmodel.same("a.wav", "b.wav")  # bool'


def export_verifier(
    hparams: Hparams,
    extractor: FeatureExtractor,
    embedding_dim: int,
    added: partial | None,
    calibration: Calibration | None,
    results: Results,
) -> Path:
    """Write the encoder with its embedding and a threshold, see ``SpeakerVerifier``.

    Arguments
    ---------
    hparams : mapping
        The run's.
    extractor : FeatureExtractor
        With the encoder, tuned or not, and its read-out.
    embedding_dim : int
        Channels of its embeddings.
    added : functools.partial, optional
        How the embedding was made that the run gave the encoder, see ``affine_layers``.
    calibration : Calibration, optional
        Of training speakers.
    results : dict
        What ``results.json`` holds; the calibration is added to it.

    Returns
    -------
    Path
        The folder.
    """
    settings: dict[str, float] = {"embedding_dim": embedding_dim}
    model = SpeakerVerifier(extractor.encoder, embedding_dim)
    encoder = run_encoder_node(hparams, extractor.encoder)
    if added:
        encoder["embedding"] = new_node(added)
    if calibration:
        settings["threshold"] = calibration.threshold
        results = results | {"calibration": asdict(calibration)}
    card = verifier_card(calibration, hparams["adapt"])
    return export_model(hparams, model, {"encoder": encoder, **settings}, results, card)


def verifier_card(calibration: Calibration | None, adapt: str) -> Card:
    """Of a model that compares speakers.

    Arguments
    ---------
    calibration : Calibration, optional
        The threshold's.
    adapt : str
        How the encoder was adapted: one that was tuned has no threshold.

    Returns
    -------
    Card

    Example
    -------
    >>> calibration = Calibration(0.25, eer=5.0, trials=10000, speakers=40)
    >>> verifier_card(calibration, "frozen").notes[-1].partition(" in ")[0]
    'The threshold, 0.2500, is where misses equal false alarms (5.00 %)'
    """
    note = "There is no threshold: the recipe had no training part to calibrate one on."
    if adapt != "frozen":
        note = (
            "There is no threshold: the encoder was tuned to the training speakers, and tells them "
            "apart better than others. Choose one on speakers of your own."
        )
    if calibration:
        note = (
            f"The threshold, {calibration.threshold:.4f}, is where misses equal false alarms "
            f"({calibration.eer:.2f} %) in {calibration.trials:,} trials among "
            f"{calibration.speakers:,} training speakers. The test list had no part in it."
        )
    return Card(
        title="Speaker verification",
        summary="Tells whether two utterances are of the same speaker, by the cosine of their "
        "embeddings.",
        code=USE.substitute(
            kind="SpeakerVerifier",
            call='model.score("a.wav", "b.wav")',
            made="# cosine" + SAME * bool(calibration),
        ),
        limit="A threshold holds for speech like that it was calibrated on: calibrate it anew "
        "for other rooms, microphones and languages. Voices are personal data.",
        notes=("The class scores by the cosine, as in the rows without a back-end's name.", note),
        trained=adapt != "frozen",
    )
