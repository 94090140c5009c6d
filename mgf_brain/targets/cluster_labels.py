"""The label step: k-means clusters of all frames, made once before a training."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from speechbrain.utils.logger import get_logger
from tqdm import tqdm

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.data.labels.phone_labels import LabelGrid, number_of_classes, read_phone_labels
from mgf_brain.data.labels.track_files import load_track, note_facts, save_track, track_facts
from mgf_brain.data.labels.track_making import track_fingerprint
from mgf_brain.data.labels.tracks import IGNORE, FrameTrack
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.selection import draw_seconds
from mgf_brain.errors import UserError
from mgf_brain.features.cache import FileHashes
from mgf_brain.inference import SpeechEncoder
from mgf_brain.metrics.clusters import cluster_usage, label_quality
from mgf_brain.spectrum import frame_count
from mgf_brain.targets.cluster_features import LayerFeatures, MfccFeatures, at_hop
from mgf_brain.targets.frame_kmeans import fit_centroids, nearest_centroid
from mgf_brain.targets.parts import HASHES, Arrays, TrackParts, pack, unpack
from mgf_brain.targets.prosody import ProsodyFeatures

logger = get_logger(__name__)

CENTROIDS = "kmeans.safetensors"
MOST_CLUSTERS = np.iinfo(np.int16).max + 1  # labels take two bytes
FORMAT = 3  # raise it when the same inputs give other labels
FrameFeatures = MfccFeatures | ProsodyFeatures | LayerFeatures
FEATURES = {"mfcc": MfccFeatures, "prosody": ProsodyFeatures}  # of the audio alone


class ClusterLabels:
    """Labels of frames at an encoder's hop: one k-means model for all utterances.

    It is fitted on training utterances in random order until their frames fill the memory budget;
    all other utterances are only labelled. What is in the folder is taken if it was made from the
    same audio with the same settings.

    Arguments
    ---------
    clusters : int
        K.
    hop, window : int
        Of the encoder that will be trained, in samples.
    source : str, optional
        A model, see ``mgf_brain.foreign.source.open_model``; without one, frames are clustered by
        ``features``.
    layer : int, optional
        Of the pretrained encoder; the last one if not given.
    given : str, optional
        A file of labels made elsewhere, lines ``<utterance> <id> <id> …`` at the hop: nothing is
        clustered then.
    phone_labels : str, optional
        True phones at 100 Hz, only to say how pure the clusters are.
    fit_megabytes : float
        Memory for the frames that k-means sees, which are held once.
    iterations : int
        Of k-means.
    seed : int
    trust : bool
        Read ``source`` even if that may run any program.
    features : str
        "mfcc", which say most of what is spoken, or "prosody", which says how.

    Raises
    ------
    UserError
        If there is only one cluster, labels can't hold so many, both ``source`` and ``given`` are
        there, or ``layer`` is no integer or without ``source``.

    Example
    -------
    >>> ClusterLabels(clusters=100, hop=640, window=880).given is None
    True
    """

    def __init__(
        self,
        clusters: int,
        hop: int,
        window: int,
        source: str | None = None,
        layer: int | None = None,
        given: str | None = None,
        phone_labels: str | None = None,
        fit_megabytes: float = 1000.0,
        iterations: int = 10,
        seed: int = 0,
        trust: bool = False,
        features: str = "mfcc",
    ) -> None:
        if features not in FEATURES:
            raise UserError(f"features: {features!r} is none of {', '.join(FEATURES)}.")
        if not 2 <= clusters <= MOST_CLUSTERS:
            raise UserError(f"clusters: pass 2 to {MOST_CLUSTERS}, not {clusters}.")
        if source and given:
            raise UserError("labels and targets_from are both given. Pass one of them.")
        if type(layer) not in (int, type(None)):
            raise UserError(f"targets_layer: {layer!r} is no number of a state, as 3 would be.")
        if layer is not None and not source:
            raise UserError("targets_layer: of which encoder? Pass targets_from too.")
        self.clusters, self.hop, self.window = clusters, hop, window
        self.source, self.layer, self.given = source, layer, given
        self.phone_labels, self.fit_megabytes = phone_labels, fit_megabytes
        self.iterations, self.seed, self.trust = iterations, seed, trust
        self.features = features

    def make(
        self,
        train: Sequence[Utterance],
        valid: Sequence[Utterance],
        folder: Path,
        device: str = "cpu",
    ) -> None:
        """Write the labels of all utterances, unless the folder has them.

        Arguments
        ---------
        train, valid : sequence of Utterance
            k-means sees the first only.
        folder : Path
            Gets the labels and, if something was clustered, ``kmeans.safetensors``.
        device : str
            Where a pretrained encoder runs.

        Raises
        ------
        UserError
            If given labels are missing or of another length, the hop is no multiple of that of the
            pretrained encoder, an utterance has no frame, or there are too few.
        """
        started = time.time()
        content = FileHashes(folder.parent / HASHES)
        source = self.given or self._features(device)
        fingerprint = self._fingerprint(train, valid, source, content)
        phones = self.phone_labels and content(self.phone_labels)
        labelled = load_track(folder, fingerprint, verify=True) is not None
        labelled &= isinstance(source, str) or (folder / CENTROIDS).is_file()
        if labelled and (track_facts(folder) or {}).get("phones", "unknown") == phones:
            return
        # Refused before the work.
        true = read_phone_labels(self.phone_labels) if self.phone_labels else {}
        if phones and not any(u.id in true for u in train):  # the few utterances of --debug, say
            logger.warning("phone_labels %s: no training utterance is there.", self.phone_labels)
        if not labelled:
            rows, files = [*train, *valid], {}
            parts = TrackParts(folder, fingerprint)
            if isinstance(source, str):
                labels = self._given(source, rows).items()
            else:
                fit = parts.keep("fit", lambda: self._fit(train, source))
                files[CENTROIDS] = save({"centroids": torch.from_numpy(fit["centroids"])})
                labels = self._label(rows, train, source, fit, parts)
            facts = {"hop": self.hop, "window": self.window, "padding": IGNORE}
            noted = {**facts, "fingerprint": fingerprint}
            save_track(folder, labels, noted, started=started, files=files)
            parts.remove()
        track = load_track(folder)  # other phones make no other labels
        assert isinstance(track, FrameTrack)  # since it has a hop
        figures = self._figures({u.id: track.whole(u.id) for u in train}, true)
        note_facts(folder, phones=phones, figures=figures)

    # -- labels -----------------------------------------------------------------------------

    def _features(self, device: str) -> FrameFeatures:
        if self.source is None:
            return FEATURES[self.features]()
        encoder = SpeechEncoder.from_pretrained(self.source, trust=self.trust)
        if self.hop % encoder.hop:
            raise UserError(
                f"targets_from {self.source}: its hop of {encoder.hop} samples does not divide "
                f"the encoder's, {self.hop}. Choose another folder or front-end."
            )
        return LayerFeatures(encoder, -1 if self.layer is None else self.layer, device)

    def _fit(self, train: Sequence[Utterance], features: FrameFeatures) -> Arrays:
        """Centroids, and labels of what k-means has seen: its features are not computed twice."""
        frames, kept = self._seen(train, features)
        centroids = fit_centroids(frames, self.clusters, self.iterations, self.seed)
        places = {u.id: i for i, u in enumerate(train)}
        labels = pack(_nearest(x, centroids) for x in kept.values())
        seen = np.array([places[id] for id in kept])
        return {**labels, "seen": seen, "centroids": centroids.numpy()}

    def _label(
        self,
        rows: Sequence[Utterance],
        train: Sequence[Utterance],
        features: FrameFeatures,
        fit: Arrays,
        parts: TrackParts,
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Labels of all utterances, first of those that k-means has seen."""
        centroids = torch.from_numpy(fit["centroids"])
        seen = {train[i].id: None for i in fit["seen"]}
        yield from zip(seen, unpack(fit), strict=True)
        rest = self._in_order([u for u in rows if u.id not in seen])

        def compute(part: Sequence[Utterance]) -> Iterator[np.ndarray]:
            """Labels of some."""
            return (_nearest(x, centroids) for _, x in self._compute(part, features))

        yield from tqdm(parts.of("labels", rest, compute), "labels", len(rest), unit="utt")

    def _seen(
        self, train: Sequence[Utterance], features: FrameFeatures
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The frames that fit the memory budget, (N, D), and those of each utterance therein."""
        budget = int(self.fit_megabytes * 1e6 / (4 * features.dim))
        if budget < self.clusters:
            raise UserError(
                f"fit_megabytes: {self.fit_megabytes:g} holds {budget} frames, fewer than the "
                f"{self.clusters} clusters. Raise it."
            )
        seen = draw_seconds(train, budget * self.hop / SAMPLE_RATE, self.seed)
        frames = torch.empty(sum(map(self._frames, seen)) + len(seen), features.dim)
        kept, end = {}, 0
        made = self._compute(self._in_order(seen), features)
        for id, x in tqdm(made, "features for k-means", len(seen), unit="utt"):
            if end + len(x) <= len(frames):  # or else the manifest's durations are too short
                kept[id] = frames[end : end + len(x)].copy_(x)
                end += len(x)
        return frames[:end], kept

    def _frames(self, row: Utterance) -> int:
        """Of an utterance as long as the manifest says."""
        return frame_count(round(row.duration * SAMPLE_RATE), self.window, self.hop)

    def _in_order(self, rows: Sequence[Utterance]) -> list[Utterance]:
        """Neighbours are padded together."""
        rows = sorted(rows, key=lambda u: u.duration)
        if rows and not self._frames(rows[0]):
            raise UserError(f"{rows[0].wav}: shorter than one frame. Raise shortest_utterance.")
        return rows

    def _compute(
        self, rows: Sequence[Utterance], features: FrameFeatures
    ) -> Iterator[tuple[str, torch.Tensor]]:
        grids = (features.hop, features.window), (self.hop, self.window)
        for row, x in zip(rows, features.of(rows), strict=True):
            yield row.id, at_hop(x, *grids)

    def _given(self, path: str, rows: Sequence[Utterance]) -> dict[str, np.ndarray]:
        labels, found = read_phone_labels(path), {}
        for row in rows:
            if row.id not in labels:
                raise UserError(f"labels {path}: no line for {row.id}. Label all utterances.")
            ids = labels[row.id].numpy()
            frames = self._frames(row)
            if abs(len(ids) - frames) > 1:  # other tools count the last window differently
                raise UserError(
                    f"labels {path}: {row.id} has {len(ids)} labels, the encoder {frames} "
                    f"frames of {self.hop} samples. Labels must have the encoder's hop."
                )
            if ids.max() >= self.clusters:
                raise UserError(
                    f"labels {path}: {row.id} has label {ids.max()}, clusters is "
                    f"{self.clusters}. Pass --clusters {ids.max() + 1} or more."
                )
            found[row.id] = ids.astype(np.int16)
        return found

    # -- around them ------------------------------------------------------------------------

    def _fingerprint(
        self,
        train: Sequence[Utterance],
        valid: Sequence[Utterance],
        source: FrameFeatures | str,
        content: FileHashes,
    ) -> str:
        """Of all that decides about the labels."""
        settings = (FORMAT, self.clusters, self.hop, self.window, self.fit_megabytes)
        settings += (self.iterations, self.seed)
        settings += (None if isinstance(source, str) else source.fingerprint(),)
        settings += (self.given and content(self.given),)
        return track_fingerprint(settings, train, valid, content.of_all)

    def _figures(
        self, labels: Mapping[str, np.ndarray], phones: Mapping[str, torch.Tensor]
    ) -> dict[str, float]:
        figures = cluster_usage(np.concatenate(list(labels.values())), self.clusters)
        if phones:
            grid = LabelGrid(self.hop, self.window)
            pairs = [
                (labels[id], grid.targets(phones[id], len(labels[id])).numpy())
                for id in labels.keys() & phones.keys()
            ]
            figures |= label_quality(pairs, self.clusters, number_of_classes(phones.values()))
        return figures


def _nearest(frames: torch.Tensor, centroids: torch.Tensor) -> np.ndarray:
    return nearest_centroid(frames, centroids).numpy().astype(np.int16)
