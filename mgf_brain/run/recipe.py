"""A recipe: the script of a corpus and a task, as users start it and results name it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from mgf_brain.run.experiment import Experiment, load_experiment


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

    @classmethod
    def of_script(cls, script: str) -> Recipe:
        """The recipe that ``results.json`` names."""
        path = Path(script)
        return cls(path.parent.name, path.stem)

    def load(self) -> Experiment:
        """What the command line asks for, see ``load_experiment``."""
        merge = self.corpus if self.reads_corpus_yaml else None
        return replace(load_experiment(sys.argv[1:], merge=merge), script=self.script)
