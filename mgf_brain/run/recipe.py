"""A recipe: the script of a corpus and a task, as users start it and results name it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Recipe:
    """``recipes/<corpus>/<task>.py``.

    Arguments
    ---------
    corpus, task : str
        Names of its folder and of its file.
    reads_corpus_yaml : bool
        Whether ``hparams/data/<corpus>.yaml`` continues the main yaml; not where the recipe takes
        several corpora.

    Example
    -------
    >>> Recipe("EmoDB", "emotion").script
    'recipes/EmoDB/emotion.py'
    >>> Recipe.of_script("recipes/EmoDB/emotion.py").corpus
    'EmoDB'
    """

    corpus: str
    task: str
    reads_corpus_yaml: bool = True

    @property
    def script(self) -> str:
        """The script, as a user would call it."""
        return f"recipes/{self.corpus}/{self.task}.py"

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
