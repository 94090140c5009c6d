"""What downstream recipes share: their folder, their corpus, their results."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from mgf_brain.data.corpora.embedded.build import make_embedded_corpus
from mgf_brain.data.corpora.own import prepare_own
from mgf_brain.data.manifest import Utterance, read_manifest
from mgf_brain.data.selection import embedded_corpus_folder
from mgf_brain.downstream.finetuning import (
    check_adapt,
    check_augmentation,
    check_run_options,
    tunable,
)
from mgf_brain.downstream.low_rank import choose_layers
from mgf_brain.downstream.pretrained import load_extractor
from mgf_brain.downstream.readout import check_readout
from mgf_brain.errors import UserError
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.folder.model_names import pretrained_name
from mgf_brain.metrics.names import score_text
from mgf_brain.reports.drawing import not_fatal
from mgf_brain.run.experiment import Experiment
from mgf_brain.run.folder import prepare_output_folder
from mgf_brain.run.inputs import BASELINES, FROM_SCRATCH, check_pretrained
from mgf_brain.run.next_steps import after_run, tell
from mgf_brain.run.results import describe_data, make_results, write_results
from mgf_brain.throughput import Throughput


def open_run(
    experiment: Experiment, adapt: Sequence[str] = ("frozen",), variant: str = ""
) -> FeatureExtractor:
    """Load the features and open the output folder, in this order: a wrong name leaves nothing.

    Arguments
    ---------
    experiment : Experiment
        Its ``output_folder`` becomes, where it is null,
        ``results/<recipe>/<pretrained name>-<adapt>[-<variant>]/<seed>``.
    adapt : sequence of str
        The ways to adapt that the recipe knows.
    variant : str
        What tells runs of one recipe apart beside these: the default folder bears it too.

    Returns
    -------
    FeatureExtractor

    Raises
    ------
    UserError
        If ``pretrained`` names nothing, ``adapt`` is none of the ways or leaves a network untrained
        or nothing to augment, a run option is one that a probe ignores, or the corpus has no
        folder.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("torchrun: downstream recipes run in one process. Start with python.")
    hparams = experiment.hparams
    pretrained = str(hparams["pretrained"])
    known = [name for name in BASELINES if "full" in adapt or name not in FROM_SCRATCH]
    check_pretrained(pretrained, known)
    if pretrained in FROM_SCRATCH and hparams["adapt"] != "full":
        raise UserError(f"adapt: {pretrained} is untrained. Pass --adapt full.")
    if hparams["adapt"] == "frozen" and "train_probe" in hparams:
        check_run_options(experiment, honoured=("optimizer_step_limit",))
    device = experiment.run_opts["device"]
    cache_gb = hparams["cache_gb"] if hparams.get("feature_cache") else 0.0
    extractor = load_extractor(
        pretrained,
        hparams["untrained"],
        hparams["seed"],
        device,
        cache_gb,
        hparams.get("trust", False),
    )
    check_adapt(hparams["adapt"], extractor.encoder, adapt)
    check_readout(hparams, extractor.encoder)
    if hparams["adapt"] == "lora":
        choose_layers(tunable(extractor.encoder), hparams)  # or says what is wrong with the keys
    if "augmentation" in hparams:  # else a noise_folder is part of the data
        check_augmentation(hparams, extractor.encoder)
    hparams["output_folder"] = hparams["output_folder"] or os.path.join(
        "results",
        hparams["recipe"],
        "-".join([pretrained_name(pretrained), hparams["adapt"], *([variant] if variant else [])]),
        str(hparams["seed"]),
    )
    prepare_output_folder(experiment)
    return extractor


def corpus_parts(
    hparams: Mapping[str, Any], prepare: Callable[..., Mapping[str, Path]]
) -> dict[str, list[Utterance]]:
    """Prepare a corpus, without ``data_folder`` the embedded one, and read its manifests.

    Arguments
    ---------
    hparams : mapping
        With ``data_folder``, ``output_folder`` and ``max_bad_share``.
    prepare : callable
        ``prepare(data_folder, save_folder, max_bad_share=…) -> {part: manifest}``.

    Returns
    -------
    dict of str to list of Utterance
        By part.
    """
    folder = corpus_folder(hparams)
    if not hparams["data_folder"]:
        make_embedded_corpus(str(folder))
    save_folder = Path(hparams["output_folder"]) / "save" / "manifests"
    manifests = prepare(folder, save_folder, max_bad_share=hparams["max_bad_share"])
    return {part: read_manifest(path) for part, path in sorted(manifests.items())}


def corpus_folder(hparams: Mapping[str, Any]) -> Path:
    """Where the corpus lies: ``data_folder``, or the embedded corpus.

    Example
    -------
    >>> corpus_folder({"data_folder": "/corpora/LibriSpeech"}).name
    'LibriSpeech'
    """
    return Path(hparams["data_folder"] or embedded_corpus_folder())


def read_own(
    hparams: Mapping[str, Any],
    columns: Sequence[str],
    check: Callable[[list[Utterance]], object] | None = None,
) -> list[Utterance]:
    """The usable rows of the user's manifest, relative paths starting from ``data_folder``.

    ``check`` is given all rows before their audio is, see ``prepare_own``.
    """
    if not hparams["manifest"]:
        raise UserError("manifest: this recipe reads your own speech. Pass --manifest <csv>.")
    made = prepare_own(
        hparams["manifest"],
        hparams["data_folder"],
        Path(hparams["output_folder"]) / "save" / "manifests",
        columns=columns,
        check=check,
        max_bad_share=hparams["max_bad_share"],
    )
    return read_manifest(made["train"], columns=())  # an empty column is not written


def parts_named(parts: Mapping[str, Sequence[Utterance]], beginning: str) -> list[Utterance]:
    """Utterances of all parts whose name begins so; their ``fold`` says of which part they are.

    Example
    -------
    >>> parts = {name: [Utterance(name[0], 1.0, "/a.wav", "s")] for name in ("a-train", "test")}
    >>> [(u.id, u.fold) for u in parts_named(parts, "test")]
    [('t', 'test')]
    """
    return [
        replace(u, fold=name)
        for name, rows in parts.items()
        if name.startswith(beginning)
        for u in rows
    ]


@contextmanager
def last_step(experiment: Experiment) -> Iterator[None]:
    """For the report, which ends no run if it fails; then say what can follow.

    Arguments
    ---------
    experiment : Experiment
    """
    with not_fatal("The report"):
        yield
    tell(after_run(experiment.recipe, experiment.hparams, sys.argv[1:]))


def finish_run(
    experiment: Experiment,
    train: Sequence[Utterance],
    model: nn.Module,
    used: nn.Module,
    metrics: Mapping[str, Any],
    throughput: Throughput,
    layer_weights: Sequence[float] = (),
    readout: str = "",
) -> dict[str, Any]:
    """Write ``results.json`` and print the scores.

    Arguments
    ---------
    experiment : Experiment
    train : sequence of Utterance
        What the model was trained on, or where nothing is trained what was scored.
    model : torch.nn.Module
        What was trained.
    used : torch.nn.Module
        All that computes the scores, trained or not.
    metrics : mapping
        Scores in percent, but for costs.
    throughput : Throughput
        Of training, or of the encoder alone where it only encodes.
    layer_weights : sequence of float
        What the head gives each layer, where it sums them; they add up to 1.
    readout : str
        Which vector of an utterance was compared, see ``mgf_brain.downstream.readout``.

    Returns
    -------
    dict
        What ``results.json`` holds.

    Raises
    ------
    UserError
        If a metric has no row in ``mgf_brain.metrics.names``.
    """
    hparams, data = experiment.hparams, describe_data(train)
    times = {"wall_s": time.time() - experiment.started, "audio_s_per_s": throughput.rate}
    results = make_results(
        experiment.recipe.script,
        experiment.hparams_file,
        hparams["seed"],
        data,
        model,
        dict(metrics),
        times,
        used,
    )
    if layer_weights:
        results["layer_weights"] = list(layer_weights)
    if readout:
        results["readout"] = readout
    scores = ", ".join(  # an unknown metric is refused here, before anything is written
        f"{name} {score_text(name, value)}"
        for name, value in metrics.items()
        if isinstance(value, float)  # not those of each fold
    )
    path = Path(hparams["output_folder"]) / "results.json"
    write_results(path, results)
    print(f"{pretrained_name(hparams['pretrained'])}: {scores} ({path})")
    return results
