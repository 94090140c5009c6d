"""Mixtures of one's own clean speech and noise, training and test apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mgf_brain.data.augment.noise import Noise
from mgf_brain.data.augment.noisy_speech import Mixed, Mixtures, split_files
from mgf_brain.data.augment.recordings import Recordings
from mgf_brain.data.corpora.own import prepare_clean_folder
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.layout import audio_files
from mgf_brain.data.splits import require_speakers, split_speakers
from mgf_brain.downstream.run import corpus_parts, read_own
from mgf_brain.errors import UserError

TEST_SEED = 0  # of what own_mixtures holds out: runs of all seeds are scored on the same

Data = tuple[Mixtures, Mixtures]  # training and test


def own_mixtures(hparams: Mapping[str, Any]) -> Data:
    """Training and test mixtures of one's own clean speech and noise, with nothing in common.

    The test holds the manifest's fold "test" or, without one, ``test_share`` of the speakers, and
    ``test_share`` of the noise files. With ``valid_share``, as much of what then trains is scored
    in its place.

    Arguments
    ---------
    hparams : mapping

    Returns
    -------
    tuple of two Mixtures

    Raises
    ------
    UserError
        If speech or noise is missing, or there is too little of them to hold some out.
    """
    if not hparams["noise_folder"]:
        raise UserError("noise_folder: there is nothing to mix in. Pass --noise_folder <folder>.")
    speech = split_own_speech(_clean_speech(hparams), hparams["test_share"])
    files = audio_files(hparams["noise_folder"], "noise_folder")
    files = sorted({path.resolve() for path in files})  # two links to one file count once
    noise = split_files(files, hparams["test_share"], TEST_SEED)
    if hparams["valid_share"]:
        share, seed = hparams["valid_share"], hparams["seed"]
        speech = split_speakers(speech[0], share, seed=seed)
        noise = split_files(noise[0], share, seed)
    low, high = hparams["snr"]
    if low > high:
        raise UserError(f"snr: {hparams['snr']} is no range. Give lowest and highest value.")
    train, test = (Recordings.of_files(paths, hparams["noise_cache_mb"]) for paths in noise)
    return (
        Mixtures(speech[0], Mixed(Noise(train, (low, high)))),
        Mixtures(speech[1], Mixed(Noise(test, (low, high)))),
    )


def split_own_speech(
    utterances: Sequence[Utterance], test_share: float
) -> tuple[list[Utterance], list[Utterance]]:
    """Training and test utterances: by the fold "test" if there is one, else by speaker.

    Example
    -------
    >>> rows = [Utterance(f"u{i}", 1.0, "/a.wav", f"s{i}") for i in range(10)]
    >>> [len(part) for part in split_own_speech(rows, 0.2)]
    [8, 2]
    """
    require_speakers(utterances)
    test = [u for u in utterances if u.fold == "test"]
    if not test:
        return split_speakers(utterances, test_share, seed=TEST_SEED)
    return [u for u in utterances if u.fold != "test"], test


def _clean_speech(hparams: Mapping[str, Any]) -> list[Utterance]:
    """The rows of the manifest, or the files of the data folder."""
    if hparams["manifest"]:
        return read_own(hparams, ("spk_id",))
    if not hparams["data_folder"]:
        raise UserError("data_folder: no clean speech is named. Pass --data_folder or --manifest.")
    (rows,) = corpus_parts(hparams, prepare_clean_folder).values()
    return rows
