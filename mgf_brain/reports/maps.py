"""Embeddings in two dimensions, to be looked at, asked and heard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.preprocessing import normalize

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.reports.drawing import Points
from mgf_brain.reports.style import finish, scatter_by_label

SPREAD = 1e-12  # of unit vectors: below it lies nothing but rounding
HEARD = 24  # points of a map that can be heard
MAPPED = 2000  # points of a map: t-SNE of so many takes 20 s


def embedding_map(
    embeddings: np.ndarray,
    labels: Sequence[str],
    seed: int = 0,
    title: str = "embeddings",
    utterances: Sequence[Utterance] = (),
) -> Points:
    """A map of embeddings in two dimensions, by PCA and t-SNE, coloured by label.

    Neighbours on the map are neighbours by cosine; distances between far points mean little (van
    der Maaten and Hinton, "Visualizing Data using t-SNE", 2008).

    Arguments
    ---------
    embeddings : numpy.ndarray
        (N, E). Rows that are not finite are left out; of more than 2,000, so many are drawn.
    labels : sequence of str
        (N,). The twelve most frequent are coloured, all others are grey.
    seed : int
        Of the draw and the map.
    title : str
    utterances : sequence of Utterance
        (N,), to be named, and 24 of them to be heard; or none.

    Returns
    -------
    Points

    Raises
    ------
    UserError
        If fewer than two of the rows differ.

    Example
    -------
    >>> embeddings = np.random.default_rng(0).normal(size=(9, 4))
    >>> made = embedding_map(embeddings, ["a"] * 6 + ["b"] * 3)
    >>> made.figure.axes[0].get_legend_handles_labels()[1]
    ['a (6)', 'b (3)']
    """
    embeddings = np.asarray(embeddings, dtype=np.float64)
    kept: list[int] = np.flatnonzero(np.isfinite(embeddings).all(1)).tolist()
    if len(kept) > MAPPED:
        kept = np.random.default_rng(seed).choice(kept, MAPPED, replace=False).tolist()
    embeddings, labels = embeddings[kept], [labels[i] for i in kept]
    figure = Figure(figsize=(10, 6.5), layout="constrained")
    axes = figure.subplots()
    places = _flatten(embeddings, seed)
    scatter_by_label(axes, places, labels)
    finish(axes, f"{title}: t-SNE of {len(labels):,}", "", "")
    axes.set(xticks=[], yticks=[])
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    shown = [utterances[i] for i in kept] if utterances else []
    heard = np.linspace(0, len(shown) - 1, min(HEARD, len(shown))).round().astype(int).tolist()
    return Points(figure, places, _notes(labels, shown), {i: shown[i].wav for i in heard})


def _notes(labels: Sequence[str], shown: Sequence[Utterance]) -> list[str]:
    """Utterance, speaker and label of each point."""
    if not shown:
        return list(labels)
    speakers = [f"speaker {u.speaker}" if u.speaker else "" for u in shown]
    rows = zip((u.id for u in shown), speakers, labels, strict=True)
    return [", ".join(dict.fromkeys(filter(None, row))) for row in rows]


def _flatten(embeddings: np.ndarray, seed: int) -> np.ndarray:
    """(N, E) -> (N, 2). Vectors of length 1 are as near as their cosine says."""
    size = min(50, *embeddings.shape)  # fewer dimensions: less noise, faster
    reduced = np.zeros((0, 0))
    if size:
        reduced = PCA(size, random_state=seed).fit_transform(normalize(embeddings))
    if len(reduced) < 2 or not reduced[:, 0].std() > SPREAD:  # scikit-learn ends the process there
        raise UserError("there are no two embeddings that differ.")
    if size == 1:  # the map's second axis
        reduced = np.pad(reduced, ((0, 0), (0, 1)))
    perplexity = min(30.0, (len(embeddings) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(reduced)
