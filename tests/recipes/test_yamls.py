"""Every yaml file of hparams/: it loads at each size and front-end, and no key in it is dead."""

import itertools
import re
from pathlib import Path

import pytest
from ruamel.yaml.comments import CommentedMap

from mgf_brain.run.asked import resolve
from mgf_brain.run.experiment import load_experiment
from mgf_brain.run.keys import RUN_OPTIONS, check_values
from mgf_brain.run.keys import keys_of as known_keys
from mgf_brain.run.overrides import CHOICES, included_folder, override
from mgf_brain.run.plain import read_plain
from mgf_brain.run.recipe import Recipe
from mgf_brain.run.yaml_files import dump, read_each, read_files

ROOT = Path(__file__).parents[2]
HPARAMS = ROOT / "hparams"
MAIN_FILES = sorted(HPARAMS.glob("*.yaml"))
INCLUDED = ("dino", "encoder", "front_end", "network")  # folders of files to choose from
INCLUDES = sorted(path for folder in INCLUDED for path in (HPARAMS / folder).glob("*.yaml"))
KEYS = {"dino": "encoder"}  # the key that includes a folder's files, where it has another name
MERGE = r'merge="(\w+)"'
PLACEHOLDERS = {"pretrained": "random", "trials": "trials.txt", "data_folder": "corpus"}
STATED = {"hop"}  # for the reader; test_it_builds compares it with the module's
TOO_LARGE = "large"  # building it takes a gigabyte; its references are resolved all the same
CODE = "\n".join(
    path.read_text()
    for folder in ("mgf_brain", "recipes")
    for path in (ROOT / folder).rglob("*.py")
)
YAML = "\n".join(path.read_text() for path in HPARAMS.rglob("*.yaml"))


def data_sets(main: Path) -> list[str | None]:
    """The data sets whose yaml the recipes of a main yaml file merge with it; None: no yaml."""
    texts = {path: path.read_text() for path in sorted((ROOT / "recipes").rglob("*.py"))}
    users = {
        path: text
        for path, text in texts.items()
        if f"hparams/{main.name}" in text
        or (path.parts[-2:] == ("LibriSpeech", "pretrain.py") and is_system(main))
    }
    return list({name: None for path, text in users.items() for name in merged(path, text)})


def is_system(main: Path) -> bool:
    """Whether a yaml describes a pretraining."""
    return "weights" in read_files(str(main))


def merged(script: Path, text: str) -> list[str | None]:
    """What a script says itself, or else, in the run it shares with others, its folder's name."""
    if "load_experiment" in text:
        return re.findall(MERGE, text) or [None]
    recipe = Recipe.of_script(str(script))
    return [recipe.corpus if recipe.reads_corpus_yaml else None]


def choices_of(tree: dict) -> dict[str, str]:
    """The choices that a main yaml file leaves, and the folder of each."""
    return {key: included_folder(tree, key) for key, name in CHOICES.items() if name in tree}


def combinations(main: Path) -> list[tuple[str, ...]]:
    """Every choice of size and front-end that a main yaml file leaves, as options."""
    tree = read_files(str(main))
    options = [
        [(f"--{key}", path.stem) for path in sorted((HPARAMS / folder).glob("*.yaml"))]
        for key, folder in choices_of(tree).items()
    ]
    given = [(f"--{key}", value) for key, value in PLACEHOLDERS.items() if is_unset(tree.get(key))]
    return [tuple(itertools.chain(*given, *choice)) for choice in itertools.product(*options)]


def is_unset(value: object) -> bool:
    """Whether a key of a yaml file waits for a value."""
    return str(getattr(value, "tag", "")).endswith("PLACEHOLDER")


CASES = [  # all combinations with one data set, one with each of the others
    (main, data, words)
    for main in MAIN_FILES
    for number, data in enumerate(data_sets(main))
    for words in combinations(main)[: 1 if number else None]
]
NAMES = ["-".join([main.stem, data or "any", *words[1::2]]) for main, data, words in CASES]


@pytest.mark.parametrize("main", MAIN_FILES, ids=lambda path: path.stem)
def test_a_recipe_takes_it(main):
    """It names it, or pretrains any system."""
    assert data_sets(main)


@pytest.mark.parametrize(("main", "data", "words"), CASES, ids=NAMES)
def test_its_references_resolve_to_values_of_their_kinds(main, data, words):
    tree = read_files(str(main), data)
    for key, choice in zip(words[::2], words[1::2], strict=True):
        override(tree, key.removeprefix("--"), choice, str(main))
    resolved = read_plain(resolve(dump(tree), str(main)), str(main))
    for key, folder in choices_of(read_files(str(main), data)).items():
        chosen = HPARAMS / folder / f"{words[words.index(f'--{key}') + 1]}.yaml"
        included = read_plain(resolve(chosen.read_text(), str(chosen)), str(chosen))
        assert resolved[CHOICES[key]].items() >= included.items()
    assert check_values(resolved, known_keys(read_each(str(main), data)), str(main)) == resolved


@pytest.mark.parametrize(("main", "data", "words"), CASES, ids=NAMES)
def test_it_builds(main, data, words, tmp_path):
    if TOO_LARGE in words:
        pytest.skip("takes more than a gigabyte")
    argv = [str(main), *words, "--output_folder", str(tmp_path)]
    hparams = load_experiment(argv, merge=data).hparams
    for name, module in hparams.get("modules", {}).items():
        assert any(p.requires_grad for p in module.parameters()), name
    if "front_end" in hparams:
        assert hparams["front_end"]["hop"] == hparams["front_end"]["module"].hop


@pytest.mark.parametrize("task", ["emotion", "dementia", "asr", "verification"])
def test_augmentation_is_what_its_keys_say(task):
    words = "--pretrained fbank --data_folder a --trials b".split()
    words = words if task == "verification" else words[:4]
    words += "--speeds [0.9,1.1] --noise_probability 0.2 --reverb_probability 0.3".split()
    argv = [str(HPARAMS / f"{task}.yaml"), *words, "--time_masks", "1", "--band_masks", "3"]
    tuning = load_experiment(argv, merge="Custom").hparams["tuning"]
    waveform, spectrum = tuning["augmentation"], tuning["spec_augment"]
    assert tuple(waveform.speeds) == (0.9, 1.1)
    assert (waveform.noise_probability, waveform.reverb_probability) == (0.2, 0.3)
    assert (spectrum.time_masks, spectrum.band_masks) == (1, 3)


@pytest.mark.parametrize(
    "path", [*MAIN_FILES, *sorted((HPARAMS / "data").glob("*.yaml"))], ids=lambda path: path.stem
)
def test_every_key_is_used(path):
    """By another key, by name in the code, by SpeechBrain, or because it acts when it is read."""
    dead = [
        key
        for key in read_files(str(path))
        if not key.startswith("__")
        and key not in RUN_OPTIONS
        and not re.search(rf"<{key}[>\[]", YAML)
        and not re.search(rf"""["']{key}["']|hparams\.{key}\b""", CODE)
    ]
    assert not dead


@pytest.mark.parametrize("path", INCLUDES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_key_of_an_include_is_used(path):
    name = path.parent.name
    dead = [
        key
        for key in keys_of(path)
        if key not in STATED
        and f"<{KEYS.get(name, name)}[{key}]>" not in YAML
        and not re.search(rf"""{name}["']?\]\[["']{re.escape(key)}""", CODE)
    ]
    assert not dead


def keys_of(path):
    """As references write them: "dim", "dino][prototypes"."""
    for key, node in read_files(str(path)).items():
        plain = isinstance(node, CommentedMap) and node.tag.value is None
        yield from (f"{key}][{inner}" for inner in node) if plain else (key,)


@pytest.mark.parametrize("folder", INCLUDED)
def test_the_files_of_a_choice_have_the_same_keys(folder):
    keys = [set(keys_of(path)) for path in (HPARAMS / folder).glob("*.yaml")]
    assert len(keys) > 1
    assert all(some == keys[0] for some in keys)
