"""Opening, continuing and refusing a run's folder."""

import logging
import os
import signal
import subprocess
import sys
import time

import pytest

from mgf_brain.errors import UserError
from mgf_brain.locks import FolderLock
from mgf_brain.run.experiment import load_experiment
from mgf_brain.run.folder import prepare_output_folder
from mgf_brain.run.plain import read_plain

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


@pytest.fixture
def trained(start):
    """Start a run that logs a step."""

    def _trained(*words):
        folder = start(*words)
        (folder / "metrics.jsonl").write_text('{"step": 20}\n')
        return folder

    return _trained


def saved(folder):
    return read_plain((folder / "hyperparams.yaml").read_text(), "saved")


def test_the_folder_holds_the_resolved_hyperparameters_and_logs(start):
    folder = start("--seed", "3")
    assert saved(folder)["seed"] == 3
    assert saved(folder)["save_folder"] == f"{folder}/save"
    assert (folder / "hyperparams.yaml").read_text().startswith("# Generated")
    assert "Beginning experiment" in (folder / "log.txt").read_text()
    assert (folder / "env.log").read_text() == "env"
    assert not list(folder.glob("folder.py"))
    assert not list(folder.glob(".*"))


def test_the_same_run_may_start_again(start, trained):
    before = saved(trained())
    assert saved(start()) == before


@pytest.mark.parametrize(
    "words", [("--number_of_epochs", "20"), ("--optimizer_step_limit", "90"), ("--device", "meta")]
)
def test_length_and_its_consequences_may_differ(trained, words):
    trained()
    assert saved(trained(*words)) != saved(trained())


def test_run_options_outside_the_yaml_are_saved_and_those_of_the_machine_may_differ(start, trained):
    before = saved(trained())
    given = {"noprogressbar": True, "debug": True}
    assert saved(start("--noprogressbar", "--debug")) == before | given
    assert saved(start()) == before
    with pytest.raises(UserError, match=r"precision: \(absent\) there, bf16 now"):
        start("--precision", "bf16")


def test_a_length_may_be_given_that_the_yaml_lacks(start, trained, tmp_path):
    lines = [line for line in MAIN.splitlines() if "optimizer_step_limit" not in line]
    (tmp_path / "main.yaml").write_text("\n".join(lines))
    before = saved(trained())
    for limit in (5, 7):
        given = {"optimizer_step_limit": limit}
        assert saved(start("--optimizer_step_limit", str(limit))) == before | given
    assert saved(start()) == before


def test_other_hyperparameters_are_refused_and_nothing_is_touched(start, trained):
    folder = trained()
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError, match=r"run .*seed: 0 there, 1 now.*--output_folder") as caught:
        start("--seed", "1")
    assert "betas" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("made", ["metrics.jsonl", "round/results.json", "save/CKPT+step/model"])
def test_a_run_that_trained_binds_its_folder(start, made):
    folder = start()
    assert saved(start("--seed", "1"))["seed"] == 1  # none has trained there yet
    (folder / made).parent.mkdir(parents=True, exist_ok=True)
    (folder / made).touch()
    with pytest.raises(UserError, match="seed: 1 there, 2 now"):
        start("--seed", "2")


def test_only_the_keys_named_as_length_are_free(start, trained):
    trained()
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
def test_a_changed_yaml_is_refused(start, trained, tmp_path, old, new, message):
    trained()
    (tmp_path / "main.yaml").write_text(MAIN.replace(old, new))
    with pytest.raises(UserError, match=message):
        start()


def test_a_key_that_is_newer_than_the_run_may_be_null(start, trained, tmp_path):
    trained()
    main = tmp_path / "main.yaml"
    main.write_text(main.read_text() + "initial: null\n")
    start()
    with pytest.raises(UserError, match="initial: None there, mine now"):
        trained("--initial", "mine")


def test_the_same_values_written_otherwise_are_the_same(start, trained, tmp_path):
    trained()
    (tmp_path / "main.yaml").write_text(MAIN.replace("seed: 0", "seed: 0x0  # drawn"))
    start()


def test_a_folder_that_was_moved_goes_on(start, trained, tmp_path):
    moved = tmp_path / "moved"
    trained().rename(moved)
    assert saved(start(folder=moved))["save_folder"] == f"{moved}/save"


def test_the_same_corpus_may_be_named_otherwise(start, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("data", "data2"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("data")
    lines = "data_folder: data\nlist: !ref <data_folder>/list.csv\n"
    (tmp_path / "main.yaml").write_text(MAIN + lines)
    trained()
    for same in (str(tmp_path / "data"), "./data/", "link", "data"):
        start("--data_folder", same)
    with pytest.raises(UserError, match="data_folder: data there, data2 now"):
        start("--data_folder", "data2")


def test_home_is_written_out(start, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data").mkdir()
    (tmp_path / "main.yaml").write_text(MAIN + "data_folder: ~/data\n")
    start(folder="~/run")
    assert saved(tmp_path / "run")["data_folder"] == str(tmp_path / "data")


def test_a_folder_that_cannot_be_made_is_named(start, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="output_folder .*file"):
        start(folder=tmp_path / "file")


@pytest.mark.parametrize("text", ["a: [1\n", "", "- 1\n"])
def test_broken_saved_hyperparameters_are_named(start, trained, text):
    folder = trained()
    (folder / "hyperparams.yaml").write_text(text)
    with pytest.raises(UserError, match=r"run/hyperparams.yaml.*delete"):
        start()


@pytest.mark.parametrize("key", ["data_folder", "labels", "targets_from", "speakers_from"])
def test_what_a_run_reads_must_be_there(start, tmp_path, key):
    (tmp_path / "main.yaml").write_text(f"{MAIN}{key}: null\n")
    with pytest.raises(UserError, match=f"{key} does not exist: ab/sent/x. Pass --{key} <path>"):
        start(f"--{key}", "ab/sent/x")
    assert not (tmp_path / "run").exists()
    start(f"--{key}", str(tmp_path))
    start()


@pytest.mark.parametrize("key", ["targets_from", "speakers_from"])
def test_a_pretrained_folder_may_be_on_the_hub(start, tmp_path, key):
    (tmp_path / "main.yaml").write_text(f"{MAIN}{key}: user/name@v1\n")
    assert saved(start())[key] == "user/name@v1"


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
from mgf_brain.run.experiment import load_experiment
from mgf_brain.errors import run_main
from mgf_brain.run.folder import prepare_output_folder

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
    (tmp_path / "results/metrics.jsonl").touch()
    refused = run("--seed", "1")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith("error: results holds a run")
    assert "Traceback" not in refused.stderr


def test_a_folder_that_another_process_writes_is_refused(start, tmp_path):
    """Before anything there is touched; a run of this process may open it again."""
    (tmp_path / "run").mkdir()
    child = os.fork()
    if not child:
        lock = FolderLock(tmp_path / "run")
        time.sleep(60)
        lock.release()
        os._exit(0)
    try:
        while not (tmp_path / "run/.lock").is_file() or not (tmp_path / "run/.lock").read_text():
            time.sleep(0.01)
        with pytest.raises(UserError, match=rf"process {child} on .* writes it. Wait for its end"):
            start()
        assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert (start() / "hyperparams.yaml").exists() and not (tmp_path / "run/.lock").exists()


def test_what_killed_runs_left_half_written_goes_and_nothing_else(start, tmp_path):
    folder = start()
    mine = [folder / ".pretrained.part-0a1b2c3d", folder / "milestones/.50.part-0a1b2c3d"]
    others = [folder / "nested/.pretrained.part-0a1b2c3d", folder / ".mine", folder / ".x.part-5"]
    for path in mine + others:
        path.mkdir(parents=True)
        (path / "model.safetensors").write_bytes(b"weights")
    (folder / "nested/hyperparams.yaml").write_text("a: 1")  # another run's
    (folder / ".results.json.part-0a1b2c3d").write_text("{")
    start()
    assert not any(path.exists() for path in mine) and all(path.exists() for path in others)
    assert not (folder / ".results.json.part-0a1b2c3d").exists()
