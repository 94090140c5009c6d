"""Probes: small classifiers on frozen features, trained in a minute."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional as F

from mgf_brain.data.labels.phone_labels import IGNORE, LabelGrid
from mgf_brain.data.manifest import Utterance
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.nn.probe import Probe

BLOCK = 200  # utterances whose frames are shuffled together: bounds the memory without a cache

Batch = tuple[torch.Tensor, torch.Tensor]  # features (N, L, D), targets (N, R)


class EmbeddingData:
    """Vectors with one class each, as training data of a probe.

    Arguments
    ---------
    embeddings : torch.Tensor
        (N, E), or (N, L, E) with a vector a layer.
    classes : torch.Tensor
        (N,) int64.

    Example
    -------
    >>> data = EmbeddingData(torch.randn(6, 4), torch.arange(6))
    >>> [x.shape for x in data.features()], len(list(data.blocks(torch.Generator())))
    ([torch.Size([6, 1, 4])], 1)
    """

    def __init__(self, embeddings: torch.Tensor, classes: torch.Tensor) -> None:
        self.x = embeddings if embeddings.dim() == 3 else embeddings[:, None]
        self.y = classes[:, None]

    def features(self) -> Iterator[torch.Tensor]:
        """All features, for the standardisation."""
        yield self.x

    def blocks(self, generator: torch.Generator) -> list[Callable[[], Batch]]:
        """One block: the vectors are few."""
        return [lambda: (self.x, self.y)]


class FrameData:
    """Features of utterances with their phone labels, as training or test data of a probe.

    Arguments
    ---------
    extractor : FeatureExtractor
    utterances : sequence of Utterance
    labels : dict of str to torch.Tensor
        By utterance: (labels,), 100 a second.
    cache : bool
        Whether the features are kept in memory: D * L * 4 bytes a frame, for the ``mini`` size
        about 0.6 GB an hour. Without, they are computed anew in every epoch.

    Example
    -------
    >>> from types import SimpleNamespace
    >>> states = lambda rows: [torch.ones(3, 1, 80) for _ in rows]
    >>> extractor = SimpleNamespace(hop=160, window=400, states=states)
    >>> labels = {"a": torch.tensor([4, 5, 5, 6, 6])}
    >>> data = FrameData(extractor, [Utterance("a", 0.05, "a.wav", "s")], labels)
    >>> x, y = data.blocks(torch.Generator())[0]()
    >>> x.shape, y.flatten().tolist()
    (torch.Size([3, 1, 80]), [5, 5, 6])
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        utterances: Sequence[Utterance],
        labels: dict[str, torch.Tensor],
        cache: bool = True,
    ) -> None:
        self.extractor, self.grid = extractor, LabelGrid(extractor.hop, extractor.window)
        self.utterances = sorted(utterances, key=lambda u: u.duration)
        self.labels = [labels[u.id] for u in self.utterances]
        self.cache = list(extractor.states(self.utterances)) if cache else None

    def features(self) -> Iterator[torch.Tensor]:
        """States of each utterance, (T, L, D), from the shortest to the longest."""
        return iter(self.cache) if self.cache else self.extractor.states(self.utterances)

    def blocks(self, generator: torch.Generator) -> list[Callable[[], Batch]]:
        """Blocks of random utterances, each computed when called."""
        drawn = torch.randperm(len(self.utterances), generator=generator).split(BLOCK)
        return [lambda chosen=chosen: self._block(sorted(chosen.tolist())) for chosen in drawn]

    def _block(self, chosen: list[int]) -> Batch:
        if self.cache:
            states = [self.cache[i] for i in chosen]
        else:
            states = list(self.extractor.states([self.utterances[i] for i in chosen]))
        targets = [
            self.grid.targets(self.labels[i], len(x)) for i, x in zip(chosen, states, strict=True)
        ]
        x, y = torch.cat(states), torch.cat(targets)
        labelled = (y != IGNORE).any(1)  # a batch without a label has no loss
        return x[labelled], y[labelled]


def probe_steps(hparams: Mapping[str, Any]) -> int | None:
    """Steps at most that the run options leave a probe; None: as many as its epochs have.

    Example
    -------
    >>> probe_steps({}), probe_steps({"optimizer_step_limit": 9}), probe_steps({"debug": True})
    (None, 9, 4)
    """
    if hparams.get("debug"):  # SpeechBrain's two batches of two epochs
        return hparams.get("debug_batches", 2) * hparams.get("debug_epochs", 2)
    return hparams.get("optimizer_step_limit")


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: steps of a millisecond lose more by waiting for each other.

    Example
    -------
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@one_thread()
def train_probe(
    probe: Probe,
    data: FrameData | EmbeddingData,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    seed: int,
    log: Callable[[int, dict[str, float]], None],
    step_limit: int | None = None,
) -> None:
    """Train a probe with AdamW and a learning rate that falls to 0 along half a cosine.

    Arguments
    ---------
    probe : Probe
        On the device that it is to be trained on.
    data : FrameData or EmbeddingData
        Training data; its features also set the probe's standardisation.
    epochs, batch_size : int
        Passes over the data, and rows of features a step.
    learning_rate, weight_decay : float
        At the start.
    seed : int
        Of the order of the data.
    log : callable
        ``log(step, figures)``, called after every epoch.
    step_limit : int, optional
        Steps at most: the training, and its cosine, end there if the epochs don't end before.
    """
    probe.standardise(data.features())
    optimizer = torch.optim.AdamW(
        probe.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True
    )
    generator, limit, step = torch.Generator().manual_seed(seed), step_limit or math.inf, 0
    for epoch in range(epochs):
        losses = []
        for progress, batch in _batches(data, batch_size, generator):
            done = max((epoch + progress) / epochs, step / limit)
            optimizer.param_groups[0]["lr"] = learning_rate * (1 + math.cos(math.pi * done)) / 2
            losses.append(_step(probe, optimizer, batch))
            step += 1
            if step >= limit:
                break
        log(step, {"epoch": epoch + 1, "loss": torch.stack(losses).mean().item()})
        if step >= limit:
            return


def _batches(
    data: FrameData | EmbeddingData, size: int, generator: torch.Generator
) -> Iterator[tuple[float, Batch]]:
    """Shuffled batches of an epoch, each with the share of the epoch that lies before it."""
    blocks = data.blocks(generator)
    for number, block in enumerate(blocks):
        x, y = block()
        batches = torch.randperm(len(x), generator=generator).split(size)
        for i, chosen in enumerate(batches):
            yield (number + i / len(batches)) / len(blocks), (x[chosen], y[chosen])


def _step(probe: Probe, optimizer: torch.optim.Optimizer, batch: Batch) -> torch.Tensor:
    x, y = (rows.to(probe.mean.device) for rows in batch)
    loss = F.cross_entropy(probe(x).flatten(0, 1), y.flatten(), ignore_index=IGNORE)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def logits_of(probe: Probe, x: torch.Tensor) -> torch.Tensor:
    """Logits of every slot: (N, L, D) -> (N, R, C), on the CPU.

    Example
    -------
    >>> logits_of(Probe(1, 4, classes=3), torch.randn(5, 1, 4)).shape
    torch.Size([5, 1, 3])
    """
    return probe(x.to(probe.mean.device)).cpu()


def classify(probe: Probe, x: torch.Tensor) -> torch.Tensor:
    """The likeliest class of every slot: (N, L, D) -> (N, R) int64, on the CPU.

    Example
    -------
    >>> classify(Probe(1, 4, classes=3), torch.randn(5, 1, 4)).shape
    torch.Size([5, 1])
    """
    return logits_of(probe, x).argmax(-1)
