"""Iterative pseudo-labels: embeddings are clustered, and trained to tell the clusters apart.

Training utterances come without their speakers. These are known for one purpose only: to say in
the report how far clusters are speakers.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from mgf_brain.data.labels.trials import Trials
from mgf_brain.data.manifest import Utterance, write_manifest
from mgf_brain.downstream.card import Card, downstream_card
from mgf_brain.downstream.pretrained import encoder_node, load_extractor, with_readout
from mgf_brain.downstream.readout import EMBEDDING, check_readout, choose_readout
from mgf_brain.downstream.run import corpus_folder
from mgf_brain.errors import UserError
from mgf_brain.features.cache import FileHashes
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.features.fingerprint import encoder_fingerprint
from mgf_brain.files import read_json
from mgf_brain.folder.write import dump_expanded, export_folder, new_node
from mgf_brain.metrics.clusters import mutual_information, purity
from mgf_brain.run.experiment import Experiment
from mgf_brain.run.folder import LENGTH_KEYS
from mgf_brain.run.results import describe_data, make_results
from mgf_brain.tasks.verification.training import (
    back_end_metrics,
    repeated_speakers,
    score_trials,
    train_speakers,
)

FORMAT = 3  # of a round's row: raised when it comes to hold something else
CODE = """\
from mgf_brain.inference import SpeechEncoder

encoder = SpeechEncoder.from_pretrained("path/to/this/folder")
embedding = encoder.embed(wavs, lengths)  # (B, samples), (B,) -> (B, channels), for the cosine"""


def label_utterances(
    utterances: Sequence[Utterance], labels: Sequence[int], least: int
) -> list[Utterance]:
    """Utterances with their clusters for speakers, without those of small clusters.

    Arguments
    ---------
    utterances : sequence of Utterance
    labels : sequence of int
        (utterances,), see ``cluster_speakers``.
    least : int
        Utterances of a cluster that is kept.

    Returns
    -------
    list of Utterance

    Raises
    ------
    UserError
        If fewer than two clusters are left.

    Example
    -------
    >>> rows = [Utterance(f"u{i}", 1.0, "/a.wav", "") for i in range(5)]
    >>> [(u.id, u.speaker) for u in label_utterances(rows, [0, 1, 2, 0, 1], least=2)]
    [('u0', 'cluster0'), ('u1', 'cluster1'), ('u3', 'cluster0'), ('u4', 'cluster1')]
    """
    named = [replace(u, speaker=f"cluster{n}") for u, n in zip(utterances, labels, strict=True)]
    kept = repeated_speakers(named, least)
    if (clusters := len({u.speaker for u in kept})) < 2:
        raise UserError(
            f"clusters: {clusters} of {len(set(labels))} has {least} utterances or more, two are "
            "needed. Pass other --clusters, --threshold or --least_utterances."
        )
    return kept


@dataclass(frozen=True)
class Rounds:
    """Clustering and fine-tuning in turn; each round leaves a folder, and is not done twice.

    Arguments
    ---------
    experiment : Experiment
    trials : Trials
    train : list of Utterance
        Without speakers.
    truth : mapping of str to str
        Their speakers by id, for the report; "" where unknown.
    """

    experiment: Experiment
    trials: Trials
    train: list[Utterance]
    truth: Mapping[str, str]

    @property
    def hparams(self) -> dict[str, Any]:
        """Those of the run."""
        return self.experiment.hparams

    @property
    def cache_gb(self) -> float:
        """Size limit of the cache, which spares the next round embedding the same speech."""
        return self.hparams["cache_gb"] if self.hparams["feature_cache"] else 0.0

    def folder(self, number: int) -> Path:
        """The pretrained folder that a round leaves; that of round 0 is the given one."""
        if not number:
            return Path(self.hparams["pretrained"])
        return Path(self.hparams["output_folder"]) / f"round_{number}" / "pretrained"

    def extractor(self, number: int) -> FeatureExtractor:
        """The network that a round leaves."""
        folder, hparams = str(self.folder(number)), self.hparams
        device = self.experiment.run_opts["device"]
        name = folder, hparams["untrained"], hparams["seed"], device, self.cache_gb
        found = load_extractor(*name)
        if found.encoder.embedding is None:  # of round 0: later ones have been given one
            choose_readout(found, EMBEDDING, self.train)
        return found

    def row(self, number: int) -> dict[str, Any]:
        """What a round gave: read if it was done before, or else done now.

        Arguments
        ---------
        number : int
            0 only scores the given network. The rounds before have to be done first.

        Returns
        -------
        dict
            ``round``; the scores of all back-ends; from 1 on ``clusters``, ``kept_utterances``,
            ``purity`` and ``nmi`` where speakers are known, ``training_s`` and ``audio_s`` of its
            throughput, and ``length`` and ``inputs``, which have to agree where a row is read.
        """
        row = self._done(number) or (self._train(number) if number else self._score_given())
        counts = f", {row['clusters']} clusters" if number else ""
        texts = [f"{key} {row[key]:.2f} %" for key in ("purity", "nmi", "eer") if key in row]
        print(f"round {number}{counts}: {', '.join(texts)}")
        return row

    def _done(self, number: int) -> dict[str, Any] | None:
        path = self.folder(number) / "results.json"
        if not number or not path.is_file():
            return None
        try:
            results = read_json(path)
            facts, metrics = dict(results["round"]), dict(results["metrics"])
            length = dict(facts["length"])
        except (UserError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path} is damaged. Delete {path.parents[1]}: the round is done anew."
            ) from error
        asked = self._length()
        enough = asked["debug"] or asked == {key: length.get(key) for key in asked}
        return facts | metrics if enough and facts.get("inputs") == self.inputs else None

    @cached_property
    def inputs(self) -> str:
        """A hash of the given network, of who trains, of the trials and of the audio."""
        output = Path(self.hparams["output_folder"])
        heard = [*self.train, *self.trials.utterances]
        content = FileHashes(output / "save" / "files.jsonl").of_all(u.wav for u in heard)
        rows = list(zip((u.id for u in heard), content, strict=True))
        pairs = self.trials.pairs.tolist(), self.trials.same.tolist()
        network = encoder_fingerprint(self.extractor(0).encoder, f"rounds {FORMAT}")
        return hashlib.blake2b(repr((network, rows, pairs)).encode(), digest_size=8).hexdigest()

    def _length(self) -> dict[str, Any]:
        """What may differ when a run goes on: rounds of another length are done anew.

        But not for a debug run, which is content with any.
        """
        given = self.hparams | dict(self.experiment.run_opts)
        return {key: given.get(key) for key in (*LENGTH_KEYS, "debug") if key != "rounds"}

    def _score_given(self) -> dict[str, Any]:
        return {"round": 0, **self._scores(self.extractor(0), [])}

    def _train(self, number: int) -> dict[str, Any]:
        started, hparams, folder = time.time(), self.hparams, self.folder(number).parent
        shutil.rmtree(folder, ignore_errors=True)  # what a killed round left
        labels = hparams["cluster"](self.extractor(number - 1).embeddings(self.train))
        kept = label_utterances(self.train, labels.tolist(), hparams["least_utterances"])
        write_manifest(folder / "labels.csv", kept, corpus_folder(hparams))
        torch.manual_seed(hparams["seed"] + number)  # the same head in a resumed run
        start = 0 if hparams["from_first"] else number - 1
        network = self.extractor(start)
        check_readout(hparams, network.encoder)
        inside = replace(self.experiment, hparams=hparams | {"output_folder": str(folder)})
        added, throughput = train_speakers(inside, network, kept)
        network.cache_gb = self.cache_gb  # it changes no more
        facts = {
            "round": number,
            "clusters": len({u.speaker for u in kept}),
            "kept_utterances": len(kept),
            "training_s": throughput.wall_s,
            "audio_s": throughput.audio_s,
            "length": self._length(),
            "inputs": self.inputs,
        }
        scores = self._agreement(kept) | self._scores(network, kept)
        times = {"wall_s": time.time() - started, "audio_s_per_s": throughput.rate}
        results = self._results(network, kept, scores, times) | {"round": facts}
        self._export(number, start, network, added, results)
        return facts | scores

    def _agreement(self, kept: Sequence[Utterance]) -> dict[str, float]:
        """How far clusters are speakers, unless nobody is known to have spoken twice."""
        known = [(u.speaker, self.truth[u.id]) for u in kept if self.truth[u.id]]
        labels, truth = [label for label, _ in known], [speaker for _, speaker in known]
        if len(set(truth)) == len(truth):
            return {}
        return {"purity": purity(labels, truth), "nmi": mutual_information(labels, truth)}

    def _scores(self, network: FeatureExtractor, kept: Sequence[Utterance]) -> dict[str, float]:
        """Of all back-ends; what these learn from are clusters."""
        known = network.embeddings(kept) if kept else torch.empty(0)
        embeddings = network.embeddings(self.trials.utterances)
        pairs, dim = self.trials.pairs, self.hparams["plda_dim"]
        return back_end_metrics(score_trials(embeddings, pairs, kept, known, dim), self.trials.same)

    def _results(
        self,
        network: FeatureExtractor,
        kept: Sequence[Utterance],
        scores: dict[str, float],
        times: dict[str, float | None],
    ) -> dict[str, Any]:
        data = describe_data([replace(u, speaker=self.truth[u.id]) for u in kept])
        run, seed = self.experiment, self.hparams["seed"]
        return make_results(
            run.recipe.script, run.hparams_file, seed, data, network.encoder, scores, times
        )

    def _export(
        self,
        number: int,
        start: int,
        network: FeatureExtractor,
        added: Callable | None,
        results: dict[str, Any],
    ) -> None:
        """Write the round's folder; with it the round is done."""
        parts = encoder_node(str(self.folder(start)), self.hparams["untrained"])
        parts = with_readout(parts, network.encoder)
        if added:
            parts["embedding"] = new_node(added)
        card = Card(
            title="Speaker embeddings by pseudo-labels",
            summary=f"One vector an utterance, to be compared by cosine; trained for {number} "
            "rounds to tell apart clusters of its own embeddings, without labels.",
            code=CODE,
            limit="Clusters are not speakers: who sounds alike, or was recorded alike, may have "
            "been taken for one. Voices are personal data.",
            facts={"clusters": f"{results['round']['clusters']:,}"},
        )
        modules = dict(network.encoder.named_children())
        text, readme = dump_expanded(parts), downstream_card(card, self.hparams, results)
        export_folder(self.folder(number), modules, text, results, readme)
