"""A recipe: the script of a corpus and a task, as users start it and results name it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROBE = ("pretrained", "probe", "train_probe")
FINETUNING = ("pretrained", "adapt", "tuning")

# What a task's code reads of its yaml, whoever wrote it, as far as it tells the task's from others.
NEEDS = {
    "pretrain": ("model", "objectives", "weights", "checkpointer", "epoch_counter", "export_at"),
    "emotion": (*FINETUNING, "probe", "train_probe"),
    "dementia": (*FINETUNING, "probe", "train_probe"),
    "attributes": (*FINETUNING, "probe", "train_probe", "attribute"),
    "asr": (*FINETUNING, "head", "head_training", "hours", "units", "beam", "lm"),
    "phone_recognition": (*FINETUNING, "head", "head_training", "lexicon", "max_unknown_share"),
    "enhancement": (*FINETUNING, "head", "noise_folder", "snr", "test_share"),
    "phonemes": (*PROBE, "phone_labels", "phone_splits"),
    "units": ("pretrained", "phone_labels", "phone_splits", "span", "clusters", "train_hours"),
    "speakers": (*PROBE, "train_list", "test_list", "test_share", "oneshot"),
    "verification": (*FINETUNING, "trials", "carry_out", "head", "head_training", "plda_dim"),
}


@dataclass(frozen=True)
class Recipe:
    """``recipes/<corpus>/<task>.py``.

    Arguments
    ---------
    corpus, task : str
        Names of its folder and of its file.

    Example
    -------
    >>> Recipe("EmoDB", "emotion").script
    'recipes/EmoDB/emotion.py'
    >>> Recipe.of_script("recipes/EmoDB/emotion.py").corpus
    'EmoDB'
    """

    corpus: str
    task: str

    @property
    def script(self) -> str:
        """The script, as a user would call it."""
        return f"recipes/{self.corpus}/{self.task}.py"

    @property
    def reads_corpus_yaml(self) -> bool:
        """Whether ``hparams/data/<corpus>.yaml`` continues the main yaml; not of any corpus's task.

        Example
        -------
        >>> Recipe("LibriSpeech", "speakers").reads_corpus_yaml
        False
        """
        return self.task != "speakers"

    @property
    def needs(self) -> tuple[str, ...]:
        """Keys without which a yaml is another task's; none for a task that is not ours.

        Example
        -------
        >>> Recipe("LibriSpeech", "phonemes").needs[-2:]
        ('phone_labels', 'phone_splits')
        """
        return NEEDS.get(self.task, ())

    @property
    def usual_yaml(self) -> str:
        """The yaml that it is started with.

        Example
        -------
        >>> Recipe("EmoDB", "emotion").usual_yaml, Recipe("WSJ", "pretrain").usual_yaml
        ('hparams/emotion.yaml', 'hparams/mgf.yaml')
        """
        return f"hparams/{'mgf' if self.task == 'pretrain' else self.task}.yaml"

    @property
    def needs_folder(self) -> bool:
        """Whether ``data_folder`` must be given: others have the embedded corpus, or a manifest.

        Example
        -------
        >>> Recipe("EmoDB", "emotion").needs_folder, Recipe("Custom", "verification").needs_folder
        (True, False)
        """
        return self.corpus not in ("LibriSpeech", "Custom")

    @classmethod
    def of_script(cls, script: str) -> Recipe:
        """The recipe that ``results.json`` names."""
        path = Path(script)
        return cls(path.parent.name, path.stem)
