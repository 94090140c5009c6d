"""``mgf-brain run``: a recipe, from whichever folder."""

from __future__ import annotations

import argparse
import runpy
import sys
from typing import TYPE_CHECKING

from mgf_brain.cli.loading import say

if TYPE_CHECKING:
    from mgf_brain.run.recipe import Recipe


HELP = "Run a recipe: pretrain an encoder, or train a task on one and score it."
EXAMPLES = """\
  mgf-brain run --list
  mgf-brain run LibriSpeech/pretrain --list  # the yaml files that fit
  mgf-brain run LibriSpeech/pretrain mgf.yaml --help  # their keys
  mgf-brain run LibriSpeech/pretrain mgf.yaml --data_folder corpora/LibriSpeech
  mgf-brain run Custom/emotion emotion.yaml --manifest own.csv --pretrained mgf-mini
  torchrun --nproc_per_node 2 -m mgf_brain.cli run LibriSpeech/pretrain mgf.yaml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The recipe, and all that its script takes."""
    parser.add_argument("--list", action="store_true", help="name the recipes, a sentence each")
    parser.add_argument("recipe", nargs="?", help="corpus and task, such as LibriSpeech/pretrain")
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        help="its yaml file, and --key value for keys of it; --list names the yaml files that fit, "
        "--help their keys",
    )


def run(args: argparse.Namespace) -> None:
    """Do what ``python recipes/<recipe>.py <words>`` does, mistakes told before torch is loaded."""
    from mgf_brain.run.recipe import Recipe
    from mgf_brain.run.recipes import recipe_script

    if args.recipe is None:
        _list_recipes()
        return
    script = recipe_script(args.recipe)
    recipe = Recipe.of_script(str(script))
    if recipe.task != "prepare":
        if args.list or "--list" in args.words:
            _list_yamls(recipe)
            return
        _check(recipe, args.words)
    sys.argv = [str(script), *args.words]
    runpy.run_path(str(script), run_name="__main__")


def _check(recipe: Recipe, words: list[str]) -> None:
    """Raise a UserError at a word that the recipe would refuse."""
    from mgf_brain.run.asked import read_recipe
    from mgf_brain.run.inputs import check_inputs, check_pretrained

    values = read_recipe(recipe, words).values
    if "pretrained" in values:
        check_pretrained(str(values["pretrained"]))
    check_inputs(values)


def _list_recipes() -> None:
    from mgf_brain.run.recipes import recipe_scripts, sentence

    scripts = recipe_scripts()
    width = max(map(len, scripts))
    for name, script in scripts.items():
        say(f"{name:{width}}  {sentence(script)}")


def _list_yamls(recipe: Recipe) -> None:
    from mgf_brain.run.recipes import fitting_yamls

    yamls = fitting_yamls(recipe)
    width = max(map(len, yamls))
    for name, model in yamls.items():
        say(f"{name:{width}}  {model}")
