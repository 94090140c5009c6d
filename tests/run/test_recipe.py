"""A recipe's script takes the yaml files of its task, and no other."""

from pathlib import Path

import pytest

from mgf_brain.errors import UserError
from mgf_brain.run import asked
from mgf_brain.run.recipe import NEEDS, Recipe
from mgf_brain.run.yaml_files import read_files

ROOT = Path(__file__).parents[2]
MAIN_FILES = sorted((ROOT / "hparams").glob("*.yaml"))
EXTENDED = {"emotion": {"attributes", "dementia"}, "verification": {"pseudo_labels"}}
EXTENDED["dementia"] = {"attributes", "emotion"}


def is_for(main: Path, task: str) -> bool:
    """Whether a yaml is a task's own or one over it."""
    if task == "pretrain":
        return "weights" in read_files(str(main))
    return main.stem == task or main.stem in EXTENDED.get(task, ())


@pytest.mark.parametrize("task", NEEDS)
def test_a_yaml_of_another_task_is_refused(task, monkeypatch):
    monkeypatch.setattr(asked, "read_asked", lambda argv, *_: argv)
    for main in MAIN_FILES:
        if is_for(main, task):
            assert asked.read_recipe(Recipe("Custom", task), [str(main)]) == [str(main)]
        else:
            with pytest.raises(UserError, match=f"{main.name} is no yaml of {task}: it lacks") as e:
                asked.read_recipe(Recipe("Custom", task), [str(main)])
            assert "\n" not in str(e.value)


def test_every_recipe_has_a_task_of_the_table():
    scripts = {path.stem for path in (ROOT / "recipes").glob("*/*.py")} - {"prepare"}
    assert scripts == NEEDS.keys()
    assert all((ROOT / Recipe("", task).usual_yaml).is_file() for task in NEEDS)
