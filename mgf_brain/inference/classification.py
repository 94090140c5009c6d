"""Naming the class of an utterance: emotion, sex, dementia, whatever the labels say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, overload

import torch
from torch import nn

from mgf_brain.errors import UserError
from mgf_brain.inference.audio import Audio
from mgf_brain.inference.batches import check_batch
from mgf_brain.inference.encoder import some_sound
from mgf_brain.inference.task import SpeechTask
from mgf_brain.kinds import quote
from mgf_brain.nn.interfaces import Encoder
from mgf_brain.nn.masking import lengths_of
from mgf_brain.nn.probe import Probe

Ranking = list[tuple[str, float]]  # every label with its probability, the likeliest first


class UtteranceClassifier(SpeechTask):
    """An encoder, and a probe on the statistics over time of its layers.

    A recipe trains one model a fold. What it exports is the model of the fold that was trained
    last: the recipe scored it, on the speakers whom the folder's README names, which no model
    trained on all of the corpus could claim.

    Arguments
    ---------
    encoder : Encoder
        Its ``statistics`` are read.
    head : Probe
        Of one label a row.
    labels : sequence of str
        Names of the classes, in the order of their numbers.

    Raises
    ------
    UserError
        If the names are no texts that differ, or not as many as the head has classes.

    Example
    -------
    >>> from mgf_brain.inference.encoder import example_encoder
    >>> from mgf_brain.nn import Probe
    >>> encoder = example_encoder()
    >>> (width,) = encoder.statistics(torch.zeros(1, 8000), torch.tensor([8000])).shape[2:]
    >>> classifier = UtteranceClassifier(encoder, Probe(3, width, classes=2), ["calm", "angry"])
    >>> ranked = classifier.eval().classify(torch.randn(16000), sample_rate=16000)
    >>> sorted(label for label, _ in ranked), round(sum(share for _, share in ranked), 4)
    (['angry', 'calm'], 1.0)
    """

    sounding = True

    def __init__(self, encoder: Encoder, head: Probe, labels: Sequence[str]) -> None:
        super().__init__(encoder)
        self.head, self.labels = head, _checked(labels, head)

    def _try_out(self) -> object:
        return self.classify(some_sound(self.encoder), self.encoder.sample_rate)

    @torch.inference_mode()
    def forward(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Probabilities of the classes.

        Arguments
        ---------
        wavs : torch.Tensor
            (B, N) at the encoder's rate, padded at the end.
        lengths : torch.Tensor
            (B,) int64, in samples.

        Returns
        -------
        torch.Tensor
            (B, classes), each row adding up to 1.

        Raises
        ------
        UserError
            If they are no such tensors, or a row is shorter than a frame.
        """
        check_batch(wavs, lengths, self.encoder.window)
        return self.head(self.encoder.statistics(wavs, lengths).float())[:, 0].softmax(-1)

    @overload
    def classify(self, audio: Audio, sample_rate: int | None = None) -> Ranking: ...

    @overload
    def classify(self, audio: Sequence[Audio], sample_rate: int | None = None) -> list[Ranking]: ...

    def classify(
        self, audio: Audio | Sequence[Audio], sample_rate: int | None = None
    ) -> Ranking | list[Ranking]:
        """Name the classes of an utterance, or of several, the likeliest first.

        Arguments
        ---------
        audio : path, array or a list of those
            Files of any rate; or samples (N,), with their rate.
        sample_rate : int, optional
            Of arrays, in Hz.

        Returns
        -------
        list of (str, float)
            Every label with its probability; for a list of audio a list of those.

        Raises
        ------
        UserError
            If audio cannot be read or is too short.
        """
        ranked = [
            self._ranked(self(wavs, lengths_of(wavs))[0])
            for wavs in self.waveforms(audio, sample_rate)
        ]
        return ranked if isinstance(audio, (list, tuple)) else ranked[0]

    def _ranked(self, probabilities: torch.Tensor) -> Ranking:
        shares, order = probabilities.sort(descending=True)
        names = [self.labels[i] for i in order.tolist()]
        return list(zip(names, shares.tolist(), strict=True))


def _checked(labels: Any, head: nn.Module) -> list[str]:
    """The labels as a list; YAML makes of ``no`` a bool and of one name no list."""
    if not isinstance(labels, (list, tuple)):
        raise UserError(f"labels: {quote(labels)} is no list. Give a name for each class in [].")
    if other := [label for label in labels if not isinstance(label, str) or not label.strip()]:
        raise UserError(f"labels: {quote(other[0])} is no text. Put each name in quotes.")
    if len(set(labels)) < len(labels):
        twice = next(label for label, count in Counter(labels).items() if count > 1)
        raise UserError(f"labels: {quote(twice)} is there twice. Give each class another name.")
    _, classes = getattr(head, "slots", (1, len(labels)))  # a user's own head may have none
    if classes != len(labels):
        raise UserError(
            f"labels: the head has {classes} classes, but there are {len(labels)} labels. Give a "
            "name for each class."
        )
    return list(labels)


class EmotionClassifier(UtteranceClassifier):
    """A classifier whose labels are emotions, from ``recipes/*/emotion.py``.

    Example
    -------
    >>> classifier = EmotionClassifier.from_pretrained("path/to/model")  # doctest: +SKIP
    >>> classifier.classify("speech.wav")[0]  # doctest: +SKIP
    ('angry', 0.83)
    """
