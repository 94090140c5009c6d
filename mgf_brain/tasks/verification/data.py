"""The trials to score, and who may be trained on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from mgf_brain.data.corpora.own import read_added
from mgf_brain.data.labels.trials import Trials, draw_trials, read_trials, refuse_heard
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.selection import refuse_repeated_ids
from mgf_brain.data.splits import require_speakers, split_speakers

# The trials, training utterances, which may be none, and whom the trials may try, as far as the
# corpus names them.
Data = tuple[Trials, list[Utterance], Collection[str]]


def unheard_trials(
    hparams: Mapping[str, Any],
    trials: Trials,
    train: Sequence[Utterance],
    tried: Collection[str],
    columns: Sequence[str] = ("spk_id",),
) -> tuple[Trials, list[Utterance]]:
    """The trials to score and the utterances to train on, ``valid_share`` and ``add_manifest`` met.

    Arguments
    ---------
    hparams : mapping
    trials : Trials
        Replaced by trials among held-out training speakers if there is a ``valid_share``.
    train : sequence of Utterance
        The corpus' own; speech of ``add_manifest`` only trains, whatever is held out.
    tried : collection of str
        Speakers who must not be trained on; those of the trials join them where they are known.
    columns : sequence of str
        That ``add_manifest`` needs, see ``read_added``.

    Returns
    -------
    Trials
    list of Utterance

    Raises
    ------
    UserError
        If a file or a speaker of the trials is one of the training part.
    """
    if hparams["valid_share"]:
        require_speakers(train)
        train, held_out = split_speakers(train, hparams["valid_share"], seed=hparams["seed"])
        trials = draw_trials(held_out, seed=hparams["seed"])
    if hparams["add_manifest"]:
        save, share = Path(hparams["output_folder"]) / "save", hparams["max_bad_share"]
        train = [*train, *read_added(hparams["add_manifest"], save, share, columns)]
        refuse_repeated_ids(train)
    refuse_heard(trials, train, tried)
    return trials, list(train)


def trials_of(hparams: dict[str, Any], root: str | Path | None) -> Trials:
    """The list that ``trials`` names, its paths from ``list_root``, ``root`` or its own folder."""
    path = Path(str(hparams["trials"]))  # a file may be called 5
    return read_trials(path, hparams["list_root"] or root or path.parent)
