"""Pseudo-speakers, or embeddings, of all utterances: ProgRE's targets at the utterance scale."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from speechbrain.utils.logger import get_logger
from torch.nn import functional as F
from tqdm import tqdm

from mgf_brain.data.labels.track_files import load_track, save_track
from mgf_brain.data.labels.track_making import track_fingerprint
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.features.cache import FileHashes
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.features.fingerprint import encoder_fingerprint
from mgf_brain.inference import SpeechEncoder
from mgf_brain.targets.cluster_features import CEPSTRA, MfccFeatures
from mgf_brain.targets.frame_kmeans import nearest_centroid
from mgf_brain.targets.parts import HASHES, TrackParts
from mgf_brain.targets.speaker_clusters import cluster_speakers

logger = get_logger(__name__)

MFCC = MfccFeatures(normalise=False)  # of the whole utterance, level and channel included


class SpeakerTargets:
    """Clusters of one embedding an utterance, or the embeddings themselves.

    Embeddings are standardised by those of the training utterances and brought to unit length; for
    the clusters see ``cluster_speakers``. Validation utterances get the nearest one.

    Arguments
    ---------
    speakers : int
        Pseudo-speakers, of fewer utterances one each; with ``regression``, channels of an
        embedding.
    source : str, optional
        A model with an utterance embedding, such as DINO's, see
        ``mgf_brain.foreign.source.open_model``; without one, mean and deviation over time of the
        MFCC, which say more of the channel than of the voice.
    regression : bool
        Keep the embeddings.
    seed : int
    trust : bool
        Read ``source`` even if that may run any program.

    Example
    -------
    >>> SpeakerTargets(speakers=100).source is None
    True
    """

    def __init__(
        self,
        speakers: int,
        source: str | None = None,
        regression: bool = False,
        seed: int = 0,
        trust: bool = False,
    ) -> None:
        self.speakers, self.source, self.regression = speakers, source, regression
        self.seed, self.trust = seed, trust

    def make(
        self,
        train: Sequence[Utterance],
        valid: Sequence[Utterance],
        folder: Path,
        device: str = "cpu",
    ) -> None:
        """Write the targets of all utterances, unless the folder has them.

        Arguments
        ---------
        train, valid : sequence of Utterance
            The first are clustered.
        folder : Path
        device : str
            Where the pretrained encoder runs.

        Raises
        ------
        UserError
            If there are embeddings of another number of channels to keep.
        """
        started = time.time()
        encoder = None
        if self.source:
            encoder = SpeechEncoder.from_pretrained(self.source, device, self.trust)
        fingerprint = self._fingerprint(train, valid, encoder, folder)
        if load_track(folder, fingerprint, verify=True):
            return
        if encoder is None:
            logger.warning("No speakers_from: pseudo-speakers are those of MFCC, mostly channels.")
        if self.speakers > len(train) and not self.regression:  # --debug, say
            logger.warning("Each of the %d utterances is a pseudo-speaker.", len(train))
        rows, parts = [*train, *valid], TrackParts(folder, fingerprint)
        x = self._embeddings(rows, encoder, device, parts)
        known = x[: len(train)]
        x = F.normalize((x - known.mean(0)) / known.std(0).clamp(min=1e-5), dim=1)
        targets = x if self.regression else self._cluster(x, len(train))
        if self.regression and x.shape[1] != self.speakers:
            raise UserError(
                f"speakers: embeddings have {x.shape[1]} channels. Pass --speakers {x.shape[1]}."
            )
        pieces = ((row.id, y[None].numpy()) for row, y in zip(rows, targets, strict=True))
        save_track(folder, pieces, {"fingerprint": fingerprint}, started=started)
        parts.remove()

    def _embeddings(
        self,
        rows: Sequence[Utterance],
        encoder: SpeechEncoder | None,
        device: str,
        parts: TrackParts,
    ) -> torch.Tensor:
        """(utterances, E)."""
        if encoder is None:
            made = parts.of("embedding", rows, _mfcc_statistics)
            return _join(x for _, x in tqdm(made, "MFCC", len(rows), unit="utt"))
        extractor = FeatureExtractor(encoder, "speakers", device)
        order = sorted(range(len(rows)), key=lambda i: rows[i].duration)  # as in its batches
        made = parts.of(
            "embedding",
            [rows[i] for i in order],
            lambda part: (x[None].numpy() for x in extractor.embeddings(part)),
        )
        return _join(x for _, x in made)[torch.tensor(order).argsort()]

    def _cluster(self, x: torch.Tensor, train: int) -> torch.Tensor:
        labels = torch.from_numpy(cluster_speakers(x[:train], self.speakers, seed=self.seed))
        known = range(int(labels.max()) + 1)
        centroids = torch.stack([x[:train][labels == label].mean(0) for label in known])
        others = nearest_centroid(x[train:], F.normalize(centroids, dim=1))
        return torch.cat([labels, others]).int()

    def _fingerprint(
        self,
        train: Sequence[Utterance],
        valid: Sequence[Utterance],
        encoder: SpeechEncoder | None,
        folder: Path,
    ) -> str:
        features = encoder_fingerprint(encoder, "embedding") if encoder else MFCC.fingerprint()
        settings = (self.speakers, self.regression, self.seed, features)
        content = FileHashes(folder.parent / HASHES).of_all
        return track_fingerprint(settings, train, valid, content)


def _mfcc_statistics(rows: Sequence[Utterance]) -> Iterator[np.ndarray]:
    """(1, 2 * cepstra) of each."""
    for x in MFCC.of(rows):
        cepstra = x[:, :CEPSTRA]  # differences have no mean
        yield torch.cat([cepstra.mean(0), cepstra.std(0)])[None].numpy()


def _join(rows: Iterable[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate(list(rows)))
