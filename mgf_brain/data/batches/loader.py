"""From manifests to batches for pretraining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from speechbrain.utils.distributed import get_rank

from mgf_brain.data.audio import AudioCache, read_audio
from mgf_brain.data.batches.crops import CropDataset
from mgf_brain.data.batches.sampler import BatchLoader, DurationBatchSampler
from mgf_brain.data.batches.spares import WithSpares
from mgf_brain.data.labels.tracks import Track
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.patience import PatientReader
from mgf_brain.data.preparation.corpus import MAX_BAD_SHARE
from mgf_brain.distributed import processes

VALID_EPOCH = 0  # training epochs count from 1: validation crops are none of theirs


def make_loader(
    utterances: Sequence[Utterance],
    hparams: dict[str, Any],
    epoch: int = 1,
    distributed: bool = True,
    tracks: Mapping[str, Track] | None = None,
) -> BatchLoader:
    """Crops of utterances in batches by duration.

    Arguments
    ---------
    utterances : sequence of Utterance
    hparams : dict
        With ``seed``, ``crop_plan``, ``batch_seconds`` (over all processes, padded),
        ``num_workers`` and ``audio_cache_hours``: a corpus up to this long is kept in memory and
        needs no workers;
        ``augmentation`` of waveforms, ``least_items`` of a batch and ``max_bad_share`` of the
        files, up to which others take the places of unreadable ones, are optional.
    epoch : int
        Whose batches come first.
    distributed : bool
        Give each process its share of every batch; otherwise every process gets all, in batches of
        its share of the budget: with more processes, crops have fewer others to be told from.
    tracks : mapping, optional
        Name to track of the utterances, see ``mgf_brain.data.labels.tracks``.

    Returns
    -------
    BatchLoader
        Of SpeechBatch.

    Example
    -------
    >>> from mgf_brain.data.batches.crops import SeparateCrops
    >>> rows = [Utterance(id, 9.0, f"{id}.wav", "s") for id in "abc"]
    >>> hparams = {"seed": 0, "batch_seconds": 16.0, "audio_cache_hours": 1.0}
    >>> hparams["crop_plan"] = SeparateCrops(2, longest=4.0, shortest=1.0)
    >>> len(make_loader(rows, hparams))
    2
    """
    hours = sum(utterance.duration for utterance in utterances) / 3600
    cached = hours <= hparams["audio_cache_hours"]
    reader = PatientReader(AudioCache() if cached else read_audio)
    augmentation = hparams.get("augmentation")
    if augmentation:
        augmentation = augmentation.for_corpus(utterances, reader)
    data = CropDataset(
        utterances, hparams["seed"], hparams["crop_plan"], reader, augmentation, tracks
    )
    sampler = DurationBatchSampler(
        data.crop_seconds(),
        # The budget is that of all processes: a batch that each has to itself gets a share of it.
        hparams["batch_seconds"] / (1 if distributed else processes()),
        hparams["seed"],
        rank=(get_rank() or 0) if distributed else 0,
        world=processes() if distributed else 1,
        # Of a process; validation leaves out nothing.
        least=hparams.get("least_items", 1) if distributed else 1,
    )
    sampler.set_epoch(epoch)
    workers = 0 if cached else hparams["num_workers"]
    return BatchLoader(
        # What is scored is scored whole: only a training takes spares.
        WithSpares(
            data, utterances, hparams.get("max_bad_share", MAX_BAD_SHARE) if distributed else 0.0
        ),
        batch_sampler=sampler,
        collate_fn=data.collate,
        num_workers=workers,
        # One thread a worker: more compete with the training for the cores.
        worker_init_fn=_use_one_thread if workers else None,
        pin_memory=torch.cuda.is_available(),
        # The loader draws a seed per epoch; from its own generator, so that the global one stands
        # where it would stand in a run that was not resumed.
        generator=torch.Generator().manual_seed(hparams["seed"]),
    )


def _use_one_thread(_: int) -> None:
    torch.set_num_threads(1)
