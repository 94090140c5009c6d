"""The recipes that come along: their yaml files are those that their scripts take."""

import pytest

from mgf_brain.errors import UserError
from mgf_brain.run.places import HOME
from mgf_brain.run.recipe import NEEDS, Recipe
from mgf_brain.run.recipes import fitting_yamls, recipe_script, recipe_scripts
from mgf_brain.run.yaml_files import read_chain


@pytest.mark.parametrize("task", NEEDS)
def test_yaml_files_that_fit_have_what_the_task_needs_and_begin_with_the_usual(task):
    recipe = Recipe("Custom", task)
    fitting = fitting_yamls(recipe)
    assert f"hparams/{next(iter(fitting))}" == recipe.usual_yaml
    assert all(fitting.values())  # a line for each
    for name in fitting:
        trees = read_chain(str(HOME / "hparams" / name)).values()
        assert set(recipe.needs) <= {key for tree in trees for key in tree}, name


def test_pretraining_takes_all_systems_and_the_papers_files():
    fitting = fitting_yamls(Recipe("LibriSpeech", "pretrain"))
    assert {"mgf2.yaml", "hubert.yaml", "paper/wavlm.yaml"} <= fitting.keys()
    assert not {"emotion.yaml", "base/pretraining.yaml", "data/WSJ.yaml"} & fitting.keys()


def test_names_are_taken_as_paths_too_and_others_are_refused():
    for name, script in recipe_scripts().items():
        assert recipe_script(f"recipes/{name}.py") == script == recipe_script(name)
    with pytest.raises(UserError, match="the nearest is VoxCeleb/verification"):
        recipe_script("voxceleb/verify")
