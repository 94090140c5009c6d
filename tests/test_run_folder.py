"""Opening, continuing and refusing a run's folder."""

import logging
import os
import subprocess
import sys

import pytest

from mgf_brain.config import load_experiment
from mgf_brain.errors import UserError
from mgf_brain.run_folder import prepare_output_folder, read_plain

MAIN = """\
output_folder: results
save_folder: !ref <output_folder>/save
seed: 0
number_of_epochs: 10
optimizer_step_limit: 50
device: cpu
warmup: !ref <optimizer_step_limit> // 10
betas: (0.9, 0.95)
counter: !new:speechbrain.utils.epoch_loop.EpochCounter
  limit: !ref <number_of_epochs>
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start a run of a little yaml file; SpeechBrain's logging is put back afterwards."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr("speechbrain.utils.logger.get_environment_description", lambda: "env")
    handlers, level = logging.root.handlers[:], logging.root.level
    (tmp_path / "main.yaml").write_text(MAIN)

    def _start(*words, folder=tmp_path / "run", **kwargs):
        argv = [str(tmp_path / "main.yaml"), "--output_folder", str(folder), *words]
        prepare_output_folder(load_experiment(argv), **kwargs)
        return folder

    yield _start
    for handler in set(logging.root.handlers) - set(handlers):
        handler.close()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def saved(folder):
    return read_plain((folder / "hyperparams.yaml").read_text(), "saved")


def test_the_folder_holds_the_resolved_hyperparameters_and_logs(start):
    folder = start("--seed", "3")
    assert saved(folder)["seed"] == 3
    assert saved(folder)["save_folder"] == f"{folder}/save"
    assert (folder / "hyperparams.yaml").read_text().startswith("# Generated")
    assert "Beginning experiment" in (folder / "log.txt").read_text()
    assert (folder / "env.log").read_text() == "env"
    assert not list(folder.glob("*run_folder*"))
    assert not list(folder.glob(".*"))


def test_the_same_run_may_start_again(start):
    before = saved(start())
    assert saved(start()) == before


@pytest.mark.parametrize(
    "words", [("--number_of_epochs", "20"), ("--optimizer_step_limit", "90"), ("--device", "meta")]
)
def test_length_and_its_consequences_may_differ(start, words):
    start()
    assert saved(start(*words)) != saved(start())


def test_run_options_outside_the_yaml_may_differ(start):
    before = saved(start())
    assert saved(start("--noprogressbar", "--debug")) == before


def test_other_hyperparameters_are_refused_and_nothing_is_touched(start):
    folder = start()
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError, match=r"run .*seed: 0 there, 1 now.*--output_folder") as caught:
        start("--seed", "1")
    assert "betas" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_only_the_keys_named_as_length_are_free(start):
    start()
    with pytest.raises(UserError, match="number_of_epochs: 10 there, 20 now"):
        start("--number_of_epochs", "20", length_keys=("optimizer_step_limit",))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 0", "seed: 0\nextra: 1", r"extra: \(absent\) there, 1 now"),
        ("betas: (0.9, 0.95)\n", "", r"betas: .* there, \(absent\) now"),
        ("speechbrain.utils.epoch_loop.Epoch", "collections.", r"\(counter\)"),
    ],
)
def test_a_changed_yaml_is_refused(start, tmp_path, old, new, message):
    start()
    (tmp_path / "main.yaml").write_text(MAIN.replace(old, new))
    with pytest.raises(UserError, match=message):
        start()


def test_the_same_values_written_otherwise_are_the_same(start, tmp_path):
    start()
    (tmp_path / "main.yaml").write_text(MAIN.replace("seed: 0", "seed: 0x0  # drawn"))
    start()


def test_a_folder_that_was_moved_goes_on(start, tmp_path):
    moved = tmp_path / "moved"
    start().rename(moved)
    assert saved(start(folder=moved))["save_folder"] == f"{moved}/save"


def test_a_folder_that_cannot_be_made_is_named(start, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="output_folder .*file"):
        start(folder=tmp_path / "file")


@pytest.mark.parametrize("text", ["a: [1\n", "", "- 1\n"])
def test_broken_saved_hyperparameters_are_named(start, text):
    folder = start()
    (folder / "hyperparams.yaml").write_text(text)
    with pytest.raises(UserError, match=r"run/hyperparams.yaml.*delete"):
        start()


def test_a_yaml_without_an_output_folder_is_refused(tmp_path):
    (tmp_path / "main.yaml").write_text("seed: 0\n")
    with pytest.raises(UserError, match="output_folder"):
        prepare_output_folder(load_experiment([str(tmp_path / "main.yaml")]))


def test_plain_data_of_every_kind_of_tag():
    text = "a: !new:x.Y [1, {b: !name:z }]\nc: &d !apply:f {e: 1}\ng: *d\n"
    applied = {"!apply:f": {"e": 1}}
    assert read_plain(text, "text") == {
        "a": {"!new:x.Y": [1, {"b": {"!name:z": ""}}]},
        "c": applied,
        "g": applied,
    }


SCRIPT = """\
import sys
import speechbrain
from mgf_brain.config import load_experiment
from mgf_brain.errors import run_main
from mgf_brain.run_folder import prepare_output_folder

def main():
    experiment = load_experiment(sys.argv[1:])
    speechbrain.utils.distributed.ddp_init_group(experiment.run_opts)
    prepare_output_folder(experiment)

if __name__ == "__main__":
    run_main(main)
"""


@pytest.mark.slow
def test_a_script_keeps_its_copy_and_refuses_with_status_two(tmp_path):
    (tmp_path / "main.yaml").write_text(MAIN)
    (tmp_path / "task.py").write_text(SCRIPT)
    paths = os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))

    def run(*words, launcher=(sys.executable,)):
        return subprocess.run(
            [*launcher, "task.py", "main.yaml", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
        )

    torchrun = (sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2")
    first = run(launcher=torchrun)
    assert first.returncode == 0, first.stderr
    assert (tmp_path / "results/task.py").read_text() == SCRIPT
    refused = run("--seed", "1")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith("error: results holds a run")
    assert "Traceback" not in refused.stderr
