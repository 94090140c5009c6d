"""What can follow a run: commands that parse, of files that are there."""

import logging
import shlex
from dataclasses import replace

import pytest

from mgf_brain.cli.main import load_command, make_parser
from mgf_brain.data.manifest import Utterance, write_manifest
from mgf_brain.run.next_steps import TRIED, USES, after_manifest, after_run, tell
from mgf_brain.run.recipe import NEEDS, Recipe
from mgf_brain.run.recipes import fitting_yamls, recipe_scripts

ASKED = ["emotion.yaml", "--output_folder", "out", "--pretrained=mgf-mini", "--attribute", "sex"]


def check(commands):
    """Each has a command that takes its words; of ``run``, a recipe and a yaml that fits."""
    for words in commands:
        parsed = make_parser(words[0], load_command(words[0])).parse_args(words[1:])
        if words[0] == "run":
            assert parsed.recipe in recipe_scripts()
            recipe = Recipe(*parsed.recipe.split("/"))
            assert parsed.words[0] in fitting_yamls(recipe) or parsed.words[0] == ASKED[0]


@pytest.mark.parametrize("corpus", TRIED)
def test_after_a_pretraining_the_encoder_is_used_and_tried(corpus, tmp_path):
    values = {"output_folder": str(tmp_path), "data_folder": "/corpus"}
    embed, task = after_run(Recipe(corpus, "pretrain"), values, ["mgf.yaml"])
    check([embed, task])
    assert embed[embed.index("--model") + 1] == str(tmp_path)
    assert task[task.index("--pretrained") + 1] == str(tmp_path / "pretrained")
    assert task[task.index("--data_folder") + 1] == "/corpus"
    assert len(after_run(Recipe("Mine", "pretrain"), values, ["mgf.yaml"])) == 1


@pytest.mark.parametrize("task", sorted(NEEDS.keys() - {"pretrain"}))
def test_after_a_task_its_model_is_used_and_compared(task, tmp_path):
    corpus = next(name for name in recipe_scripts() if name.endswith(f"/{task}")).split("/")[0]
    values = {"output_folder": str(tmp_path), "pretrained": "mgf-mini"}
    (compared,) = after_run(Recipe(corpus, task), values, ASKED)
    assert shlex.join(compared[3:]) == "--pretrained fbank --attribute sex"
    (tmp_path / "model").mkdir()
    commands = after_run(Recipe(corpus, task), values, ASKED)
    check(commands)
    assert commands[-1] == compared and (len(commands) == 2) == (task in USES)


@pytest.mark.parametrize(
    ("speakers", "changes", "expected"),
    [
        (1, {}, []),
        (1, {"label": None}, []),
        (2, {"label": None}, ["Custom/pretrain"]),
        (2, {"label": "calm"}, ["Custom/pretrain"]),  # one class is none to tell apart
        (2, {}, ["Custom/emotion", "Custom/pretrain"]),
        (2, {"words": "YES", "fold": "test"}, ["Custom/emotion", "Custom/asr", "Custom/pretrain"]),
        (2, {"words": "YES"}, ["Custom/emotion", "Custom/pretrain"]),
        (20, {}, ["Custom/emotion", "Custom/pretrain"]),
    ],
)
def test_after_a_manifest_come_the_recipes_that_it_allows(speakers, changes, expected, tmp_path):
    numbers = range(2 * speakers)
    rows = [Utterance(str(i), 1.0, f"/{i}", str(i // 2), label="ab"[i % 2]) for i in numbers]
    rows = [replace(row, **changes) for row in rows]
    write_manifest(tmp_path / "own.csv", rows)
    commands = after_manifest(str(tmp_path / "own.csv"), rows)
    check(commands)
    assert [words[1] for words in commands] == expected
    many = speakers > 10  # a fold each would be too many
    assert all(("--held_out_share" in w) == (many and "emotion" in w[1]) for w in commands)


def test_what_the_package_does_not_have_is_not_named(tmp_path):
    values = {"output_folder": str(tmp_path), "pretrained": "fbank"}
    assert after_run(Recipe("Mine", "toys"), values, ASKED) == []


def test_commands_stand_on_the_screen_and_in_the_log(capsys, caplog):
    with caplog.at_level(logging.DEBUG, "mgf_brain.run.next_steps"):
        tell([["info", "my model"], ["pull", "user/name"]])
    first, second = capsys.readouterr().out.splitlines()
    assert first == "next: mgf-brain info 'my model'"
    assert second == "      mgf-brain pull user/name"
    assert [r.message.removeprefix("next: ") for r in caplog.records] == [first[6:], second.strip()]
