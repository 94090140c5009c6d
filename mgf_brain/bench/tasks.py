"""The tasks that models are compared on: recipes, their options, and the scores that count."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mgf_brain.errors import UserError


class Task(NamedTuple):
    """A recipe of the repository.

    Arguments
    ---------
    script : str
    options : str
        Its words, quoted as in a shell; {data}, {protocol} and {manifests} are folders.
    metrics : tuple of str
        Scores of the table; the first one ranks.
    frozen_only : bool
        Whether it only probes an encoder.
    superb : str
        The task of SUPERB whose corpus and score it has, see ``superb.py``. Heads and training are
        this package's.
    """

    script: str
    options: str
    metrics: tuple[str, ...]
    frozen_only: bool = False
    superb: str = ""

    @property
    def yaml(self) -> str:
        """Named like its script."""
        return f"hparams/{Path(self.script).stem}.yaml"

    @property
    def folders(self) -> list[str]:
        """What it reads below {data}.

        Example
        -------
        >>> TASKS["enhancement"].folders
        ['LibriSpeech', 'noise']
        """
        words = (w for w in shlex.split(self.options) if w.startswith("{data}/"))
        return [word.removeprefix("{data}/").partition("/")[0] for word in words]

    @property
    def corpus(self) -> str:
        """The folder below {data} that it reads, "" for one's own speech."""
        return next(iter(self.folders), "")


VERIFICATION = ("eer", "min_dcf", "eer_statistics")  # the last by one read-out for all models
EMOTION = ("uar", "wa")
ENHANCEMENT = ("si_sdr", "stoi", "pesq")

TASKS = {
    "phones": Task(
        "recipes/LibriSpeech/phonemes.py",
        "--data_folder {data}/LibriSpeech --phone_labels {protocol}/phones_41.txt",
        ("accuracy", "accuracy_speech"),
        frozen_only=True,
    ),
    "units": Task(  # needs no training
        "recipes/LibriSpeech/units.py",
        "--data_folder {data}/LibriSpeech --phone_labels {protocol}/phones_41.txt",
        ("abx_within", "abx_across", "pnmi", "abx_within_chosen", "pnmi_chosen"),
        frozen_only=True,
    ),
    "speakers": Task(
        "recipes/LibriSpeech/speakers.py",
        "--data_folder {data}/speechocean762 --oneshot {protocol}/speechocean762_oneshot.tsv "
        "--list_root {data}",
        ("accuracy_oneshot", "accuracy_oneshot_statistics"),
        frozen_only=True,
    ),
    "verification-speechocean762": Task(
        "recipes/speechocean762/verification.py",
        "--data_folder {data}/speechocean762 --trials {protocol}/speechocean762_trials.txt "
        "--list_root {data}",
        (*VERIFICATION, "eer_plda"),
    ),
    "verification-LibriSpeech": Task(
        "recipes/LibriSpeech/verification.py",
        "--data_folder {data}/LibriSpeech --trials {protocol}/librispeech_trials.txt "
        "--list_root {data}",
        VERIFICATION,
    ),
    "verification-VoxCeleb1": Task(
        "recipes/VoxCeleb/verification.py",
        "--data_folder {data}/VoxCeleb --trials O",
        VERIFICATION,
        superb="ASV",
    ),
    "emotion-RAVDESS": Task("recipes/RAVDESS/emotion.py", "--data_folder {data}/RAVDESS", EMOTION),
    "emotion-EmoDB": Task("recipes/EmoDB/emotion.py", "--data_folder {data}/EmoDB", EMOTION),
    "emotion-IEMOCAP": Task(
        "recipes/IEMOCAP/emotion.py", "--data_folder {data}/IEMOCAP", EMOTION, superb="ER"
    ),
    "emotion-CREMA-D": Task("recipes/CREMA-D/emotion.py", "--data_folder {data}/CREMA-D", EMOTION),
    "phone_recognition": Task(
        "recipes/speechocean762/phone_recognition.py",
        "--data_folder {data}/speechocean762",
        ("per",),
    ),
    "asr": Task(
        "recipes/speechocean762/asr.py", "--data_folder {data}/speechocean762", ("wer", "cer")
    ),
    "sex": Task(
        "recipes/speechocean762/attributes.py",
        "--data_folder {data}/speechocean762 --attribute sex",
        ("uar",),
    ),
    "age_group": Task(
        "recipes/speechocean762/attributes.py",
        "--data_folder {data}/speechocean762 --attribute age_group",
        ("uar",),
    ),
    "dementia": Task("recipes/ADReSSo/dementia.py", "--data_folder {data}/ADReSSo", ("uar",)),
    "enhancement": Task(
        "recipes/Custom/enhancement.py",
        "--manifest {manifests}/LibriSpeech/enhancement.csv --data_folder {data}/LibriSpeech "
        "--noise_folder {data}/noise",
        ENHANCEMENT,
    ),
    "enhancement-VoiceBank": Task(
        "recipes/VoiceBank/enhancement.py",
        "--data_folder {data}/VoiceBank-DEMAND",
        ENHANCEMENT,
        superb="SE",
    ),
}
SEED = 1986  # of the first run; the next ones follow


def named_tasks(word: str, tasks: Mapping[str, Task]) -> list[str]:
    """The tasks that a word of ``--tasks`` means: its own name, and all that begin with it.

    Raises
    ------
    UserError
        If there are none.

    Example
    -------
    >>> named_tasks("verification", TASKS)[1:]
    ['verification-LibriSpeech', 'verification-VoxCeleb1']
    >>> named_tasks("emotion-EmoDB", TASKS)
    ['emotion-EmoDB']
    """
    found = [name for name in tasks if f"{name}-".startswith(f"{word}-")]
    if not found:
        raise UserError(f"--tasks {word}: there is no such task. Known are {', '.join(tasks)}.")
    return found


def manifests(output: Path) -> Path:
    """Where a comparison's own manifests stand."""
    return output / "manifests"


def fill(options: str, data: str | Path | None, protocol: str | None, output: Path) -> list[str]:
    """The words of a task's options.

    Arguments
    ---------
    options : str
        See ``Task``.
    data, protocol : str, optional
        Folders of the corpora, and of labels and lists.
    output : Path
        Of the comparison; its own manifests lie there.

    Example
    -------
    >>> fill("--data_folder {data}/EmoDB", "data", "lists", Path("out"))
    ['--data_folder', 'data/EmoDB']
    """
    folders = {"data": data, "protocol": protocol, "manifests": manifests(output)}
    return [word.format(**folders) for word in shlex.split(options)]
