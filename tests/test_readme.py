"""What the README files tell users to type: every command parses, and runs on miniature corpora."""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import setuptools
import soundfile

from mgf_brain.cli.main import load_command, make_parser
from mgf_brain.run.experiment import load_experiment
from mgf_brain.run.places import found_file
from mgf_brain.run.recipe import Recipe
from mgf_brain.run.recipes import recipe_script
from tests.recipes.corpora import MINIATURES

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", "docs/any_model.md", "docs/bench.md"]
PAGES += [f"docs/{name}.md" for name in ("weights", "training", "runs", "using", "own_speech")]
PAGES += sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("recipes/*/README.md"))

ROOTS = re.compile(r"(^|,)(/path/to|\$DATA|\$PROTOCOL)")  # where pages find the corpora

# What makes a command short: words to replace, and options to add for each script.
SHORTER = {"base": "mini", "large": "mini", "8": "2", "700": "8"}
TINY = "--optimizer_step_limit 2 --valid_interval 2 --num_workers 0".split()
EXTRA = {
    "recipes/LibriSpeech/pretrain.py": TINY,
    "recipes/speechocean762/pretrain.py": TINY,
    "recipes/LibriSpeech/phonemes.py": ["--number_of_epochs", "1"],
    "recipes/LibriSpeech/speakers.py": ["--number_of_epochs", "1"],
    "recipes/Custom/pretrain.py": TINY,
    "recipes/Custom/enhancement.py": ["--number_of_epochs", "1"],
}
SHORT_TASKS = {"emotion", "dementia", "attributes", "asr", "phone_recognition", "verification"}
SHORT = ["--number_of_epochs", "1", "--feature_cache", "False"]
# A few utterances of noise make few clusters.
FEW = [*SHORT, "--clusters", "4", "--least_utterances", "2"]
# All others run on miniatures in tests/recipes.
ELSEWHERE = MINIATURES.keys() - {"LibriSpeech", "speechocean762", "Custom"} | {
    "docs"
}  # need what is not here
SOUNDS = ("/path/to/musan", "/path/to/RIRS_NOISES")  # looked into as soon as a yaml is loaded


def blocks(page, language):
    found = re.findall(rf" *```{language}\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
    return [textwrap.dedent(block) for block in found]  # a list's are indented


def commands(page):
    """The commands of a page's bash blocks as lists of words, without comments."""
    lines = "".join(blocks(page, "bash")).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


COMMANDS = list({tuple(words): None for page in PAGES for words in commands(page)})
RECIPES = [words for words in COMMANDS if words[0] in ("python", "torchrun")]


def script_of(words):
    return next(word for word in words if word.endswith(".py"))


def test_only_programs_that_are_tested_here_are_named():
    programs = {"make", "mgf-brain", "pip", "python", "torchrun"}
    assert {words[0] for words in COMMANDS} == programs
    assert ("make", "demo") in COMMANDS and ("make", "test") in COMMANDS


@pytest.mark.parametrize("words", [w for w in COMMANDS if w[0] == "mgf-brain"], ids=" ".join)
def test_the_command_knows_the_options(words):
    parsed = make_parser(words[1], load_command(words[1])).parse_args(words[2:])
    if words[1] == "run" and parsed.recipe:
        recipe_script(parsed.recipe)
        assert os.path.isfile(found_file(parsed.words[0]))


@pytest.mark.parametrize("words", RECIPES, ids=" ".join)
def test_files_exist_and_options_parse(words, tmp_path, monkeypatch):
    script = script_of(words)
    text = (ROOT / script).read_text()
    sounds = tmp_path / "sounds/rir.wav"
    options = [str(sounds.parent) if w in SOUNDS else w for w in words[words.index(script) + 1 :]]
    if "prepare_main" in text:  # argparse reads it
        text += (ROOT / "mgf_brain/data/preparation/command.py").read_text()
        assert all(word.strip("-") in text for word in options if word.startswith("--"))
        return
    monkeypatch.chdir(tmp_path)  # the checkpointer makes its folder
    sounds.parent.mkdir()
    soundfile.write(sounds, np.ones(8), 16000)
    merge = re.search(r'merge="(\w+)"', text)
    # Recipes that only say what they train on share the rest, and merge their folder's yaml.
    of_none = "load_experiment" in text or not Recipe.of_script(script).reads_corpus_yaml
    corpus = None if of_none else Path(script).parts[1]
    merge = merge[1] if merge else corpus
    experiment = load_experiment([str(ROOT / options[0]), *options[1:]], merge)
    keys = {word[2:] for word in options if word.startswith("--")}
    assert keys <= experiment.overrides.keys() | experiment.run_opts.keys()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("words", [w for w in COMMANDS if w[0] == "make"], ids=" ".join)
def test_make_knows_the_target(words):
    env = {key: value for key, value in os.environ.items() if key != "MAKEFLAGS"}
    subprocess.run([*words, "-n"], cwd=ROOT, env=env, check=True, capture_output=True)


@pytest.mark.parametrize("words", [w for w in COMMANDS if w[0] == "pip"], ids=" ".join)
def test_pip_finds_the_constraints_and_the_extra(words, monkeypatch):
    found = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(setuptools, "setup", lambda **options: found.update(options))
    runpy.run_path("setup.py")
    assert words[:3] == ("pip", "install", "-c")
    assert Path(words[3]).is_file()
    assert re.fullmatch(r"\.\[(\w+)\]", words[-1])[1] in found["extras_require"]


@pytest.mark.parametrize("page", PAGES)
def test_python_imports_what_exists(page):
    for code in blocks(page, "python"):
        compile(code, page, "exec")
        exec("\n".join(re.findall(r"^(?:from|import) .*$", code, re.MULTILINE)), {})


def write_speech(path, seed, seconds=1.5):
    """Noise under a changing envelope: enough for losses to be finite."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    envelope = np.repeat(random.uniform(0.05, 0.5, 15), int(seconds * 16000) // 15)
    soundfile.write(path, envelope * random.standard_normal(len(envelope)) / 4, 16000)


def make_librispeech(root):
    """Six speakers to train, two for each other part, with words and phone labels for all."""
    labels = []
    (root.parent / "librispeech-lexicon.txt").parent.mkdir(parents=True, exist_ok=True)
    (root.parent / "librispeech-lexicon.txt").write_text("YES  Y EH1 S\nNO  N OW1\n")
    for part, speakers in (("train-clean-100", 6), ("dev-clean", 2), ("test-other", 2)):
        for number in range(speakers):
            speaker = f"{len(part)}{number}"
            for i in range(4):
                name = f"{speaker}-1-{i:04d}"
                write_speech(root / part / speaker / "1" / f"{name}.flac", [len(part), number, i])
                labels.append(f"{name} {' '.join(str(k % 41) for k in range(i, i + 150))}\n")
            words = "".join(f"{speaker}-1-{i:04d} {('YES', 'NO')[i % 2]}\n" for i in range(4))
            (root / part / speaker / "1" / f"{speaker}-1.trans.txt").write_text(words)
    for name in ("converted_aligned_phones.txt", "phones_41.txt"):
        (root.parent / name).write_text("".join(labels))
    for name, part in (("train_split.txt", "train-clean-100"), ("test_split.txt", "test-other")):
        names = sorted(path.stem for path in (root / part).rglob("*.flac"))
        (root.parent / name).write_text("\n".join(names) + "\n")


def make_manifest(path):
    """Four speakers of one's own, with labels, words and a test fold."""
    lines = ["ID,duration,wav,spk_id,label,wrd,fold"]
    for number in range(4):
        for i in range(2):
            write_speech(path.parent / "own" / f"{number}{i}.flac", [number, i])
            fold = ("train", "test")[number % 2]
            lines.append(f"{number}{i},1.5,own/{number}{i}.flac,s{number},{'ab'[i]},YES NO,{fold}")
    path.write_text("\n".join(lines) + "\n")


def make_speechocean(root):
    """Three speakers a part, four utterances each, and a one-shot list of the test part."""
    oneshot, phones = [], []
    for part, first in (("train", 1), ("test", 7)):
        tables = {"wav.scp": "", "utt2spk": "", "text": "", "spk2gender": "", "spk2age": ""}
        for number, speaker in enumerate(f"{first + number:04d}" for number in range(3)):
            tables["spk2gender"] += f"{speaker}\t{'mf'[number % 2]}\n"
            tables["spk2age"] += f"{speaker}\t{(8, 30)[number % 2]}\n"
            for i in range(4):
                wav = f"WAVE/SPEAKER{speaker}/{speaker}0{i}.WAV"
                write_speech(root / wav, [int(speaker), i])
                line = {"wav.scp": wav, "utt2spk": speaker, "text": "WE CALL IT BEAR"}
                for name in line:
                    tables[name] += f"{speaker}0{i}\t{line[name]}\n"
                phones.append(f"{speaker}0{i}.0\tW_B IY0_E\n")
                if part == "test":
                    oneshot.append(f"{'test' if i else 'enrol'}\t{speaker}\t{root.name}/{wav}\n")
        (root / part).mkdir()
        for name, text in tables.items():
            (root / part / name).write_text(text)
    (root / "resource").mkdir()
    (root / "resource/text-phone").write_text("".join(phones))
    (root.parent / "speechocean762_oneshot.tsv").write_text("".join(oneshot))
    paths = [line.split("\t")[2].strip() for line in oneshot]
    trials = [f"{int(a[-8:-6] == b[-8:-6])} {a} {b}\n" for a in paths for b in paths if a != b]
    for corpus in ("speechocean762", "librispeech"):
        (root.parent / f"{corpus}_trials.txt").write_text("".join(trials))


@pytest.fixture
def workspace(tmp_path):
    """A folder that looks like the repository's root, with miniature corpora under `path/to`."""
    for name in ("recipes", "hparams", "mgf_brain"):
        (tmp_path / name).symlink_to(ROOT / name)
    make_librispeech(tmp_path / "path/to/LibriSpeech")
    make_speechocean(tmp_path / "path/to/speechocean762")
    make_manifest(tmp_path / "path/to/speech.csv")
    for number in range(3):
        write_speech(tmp_path / f"path/to/noise/{number}.flac", number)
    write_speech(tmp_path / "speech.flac", 1)
    return tmp_path


def run(workspace, words):
    """Run a command of a page in the workspace, shortened."""
    script = script_of(words)
    words = [
        re.sub(r"(^|,)(/path/to|\$DATA|\$PROTOCOL)", r"\1path/to", SHORTER.get(w, w)) for w in words
    ]
    if "--hours" in words:
        words[words.index("--hours") + 1] = "0.005"  # of 24 utterances of 1.5 s
    if "hparams/pseudo_labels.yaml" in words:
        words += FEW
    else:
        words += EXTRA.get(script, SHORT if Path(script).stem in SHORT_TASKS else [])
    program = [sys.executable, *(["-m", "torch.distributed.run"] if words[0] == "torchrun" else [])]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    done = subprocess.run(
        [*program, *words[1:]], cwd=workspace, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def run_python_blocks(workspace, page):
    """Those whose pretrained folders the workspace has; how many they are, and what they print."""
    env, printed = {**os.environ, "PYTHONPATH": str(ROOT)}, []
    for code in blocks(page, "python"):
        folders = re.findall(r'from_pretrained\("(.+?)"\)', code)
        if not all((workspace / folder).is_dir() for folder in folders):
            continue
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=workspace, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    return printed


def test_the_first_steps_run(workspace):
    """Pretraining, both classifications and the Python example, as the pages have them."""
    first = [words for words in commands("docs/training.md") if "base" not in words]
    mgf = [w for w in first if w[0] == "python" and "--output_folder" not in w]
    assert [Path(w[1]).name for w in mgf] == ["pretrain.py", "phonemes.py", "speakers.py"]
    for words in mgf:
        run(workspace, words)
    assert (workspace / "results/LibriSpeech/mgf/1986/results.json").is_file()
    (printed,) = run_python_blocks(workspace, "docs/using.md")  # no run before made a model/
    assert printed.startswith("torch.Size([7, ")


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if Path(p).parent.name not in ELSEWHERE])
def test_every_command_of_a_page_runs_in_its_order(workspace, page):
    todo = [words for words in commands(page) if words[0] in ("python", "torchrun")]
    for words in todo:
        run(workspace, words)
