"""`--help` names every key of every yaml once, with a sentence."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mgf_brain.kinds import describe
from mgf_brain.run.experiment import load_experiment
from mgf_brain.run.keys import RUN_OPTIONS, keys_of
from mgf_brain.run.yaml_files import joined, read_each

ROOT = Path(__file__).parents[2]
MAIN_FILES = sorted((ROOT / "hparams").glob("*.yaml"))


def help_of(capsys, *words):
    with pytest.raises(SystemExit) as caught:
        load_experiment(words, merge="WSJ")
    assert caught.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("main", MAIN_FILES, ids=lambda path: path.stem)
def test_every_key_once_with_its_kind_and_sentence(main, capsys):
    text = help_of(capsys, str(main), "--help")
    trees = read_each(str(main), "WSJ")
    keys = keys_of(trees)
    named = re.findall(r"^  --(\w+) ?.*\n      (.+)$", text, flags=re.M)
    assert sorted(name for name, _ in named) == sorted({*joined(trees), *RUN_OPTIONS})
    for name, line in named:
        key = keys[name]
        kind = describe("object" if key.section else key.kind)
        assert line.startswith(f"{kind}: {key.sentence}")


def test_defaults_headings_and_the_parts_of_a_mapping(capsys):
    text = help_of(capsys, str(ROOT / "hparams/dino.yaml"), "--seed", "3", "-h")
    assert " Crops\n  --global_crops 2\n" in text and "  --own_babble true\n" in text
    assert "  --encoder (dino/mini.yaml)\n" in text and "    encoder[prototypes] 1024\n" in text
    assert "      encoder[network][embedding_dim] 256\n" in text
    assert "  --seed 1986\n" in text and "  --recipe (from corpus/dino)\n" in text
    assert text.index("dino.yaml\n") < text.index("pretraining.yaml\n") < text.index("WSJ.yaml\n")


def test_a_key_of_the_users_own_is_listed_too(capsys, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text('mine: 1.0\n"quoted": [1, 2]\n')
    (tmp_path / "data").mkdir()
    (tmp_path / "data/WSJ.yaml").write_text("corpus: WSJ\n")
    text = help_of(capsys, str(path), "--help")
    assert "  --mine 1.0\n      a key of yours" in text and "  --quoted [1, 2]\n" in text


def test_a_recipe_started_elsewhere_finds_the_repositorys_files(tmp_path):
    """The main yaml and what "random" is; the user's own paths start where the user is."""
    code = f"""
import runpy, sys
sys.argv = ["{ROOT}/recipes/EmoDB/emotion.py", "hparams/emotion.yaml", "--pretrained", "random",
            "--data_folder", "absent", "--output_folder", "out"]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    script = tmp_path / "start.py"
    script.write_text(code)
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: data_folder does not exist: absent.")
    assert not (tmp_path / "out").exists()
