"""The real client of the hub against a small server on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest
import torch

from experiments.loopback_hub import Hub
from mgf_brain.cli.main import main
from mgf_brain.downstream.pretrained import encoder_node, load_extractor
from mgf_brain.errors import UserError
from mgf_brain.folder.hub import FILES, local_path, pull, push
from mgf_brain.folder.model_names import is_hub_name, pretrained_name, split_name
from mgf_brain.folder.write import dump_expanded, export_folder
from mgf_brain.inference import UtteranceClassifier, example_encoder
from tests.folder.conftest import CARD, WEIGHTS
from tests.inference.folders import encoder_yaml, write_classifier

ROOT = Path(__file__).parents[2]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("up", [0, 1])
def test_what_is_pushed_is_what_is_pulled(hub: Hub, folder: Path, up: int):
    (folder / "units.model").write_bytes(b"units")
    for name in (".env", "model.ckpt", "token"):
        (folder / name).write_text("secret")
    assert push([folder, folder.parent][up], "anna/mgf") == f"{hub.url}/anna/mgf"
    model = hub.models["anna/mgf"]
    assert len(model.commits) == 1 and not model.private
    assert len(hub.large) == 1  # the weights; the rest is in the commit itself
    sent = dict(model.commits[model.branches["main"]])
    assert set(sent) == {*FILES, "units.model"}
    assert b"".join(hub.bodies).count(b"secret") == 0
    pulled = pull("anna/mgf")
    assert files(pulled) == sent
    assert 'load("anna/mgf")' in (pulled / "README.md").read_text()
    del sent["README.md"]
    assert sent.items() <= files(folder).items()


def test_a_branch_and_a_pinned_version(hub: Hub, folder: Path):
    push(folder, "anna/mgf")
    first = hub.models["anna/mgf"].branches["main"]
    (folder / "hyperparams.yaml").write_text("sample_rate: 8000\n")
    push(folder, "anna/mgf", revision="narrow")
    rate = {
        name: (pull("anna/mgf", name) / "hyperparams.yaml").read_text().split()[1]
        for name in (first, "main", "narrow")
    }
    assert rate == {first: "16000", "main": "16000", "narrow": "8000"}
    assert local_path("anna/mgf@narrow") == pull("anna/mgf", "narrow")
    with pytest.raises(UserError, match="anna/mgf: the hub has no such revision"):
        pull("anna/mgf", "wide")


def test_one_process_reads_one_version(hub: Hub, folder: Path):
    push(folder, "anna/mgf")
    before = local_path("anna/mgf")
    (folder / "hyperparams.yaml").write_text("sample_rate: 8000\n")
    push(folder, "anna/mgf")
    assert local_path("anna/mgf") == before != pull("anna/mgf")


def test_other_files_of_a_repository_are_not_fetched(hub: Hub, folder: Path, caplog):
    push(folder, "anna/mgf")
    others = ("custom.py", "model.ckpt", "any/depth/x.model", "any/model.safetensors", "a\x1b[2J")
    hub.models["anna/mgf"].commit("main", dict.fromkeys((*others, ".gitattributes"), b"evil"))
    pulled = pull("anna/mgf")
    assert {str(path.relative_to(pulled)) for path in pulled.rglob("*")} == set(FILES)
    assert not any(path.endswith(others) for path in hub.paths("GET"))
    (line,) = [record.getMessage() for record in caplog.records if "Left out" in record.msg]
    assert all(name in line for name in others[:4]) and "\x1b" not in line
    assert ".gitattributes" not in line


def test_a_model_larger_than_allowed_is_not_fetched(hub: Hub, folder: Path, capsys):
    push(folder, "anna/mgf")
    hub.requests.clear()
    with pytest.raises(SystemExit) as stopped:
        main(["pull", "anna/mgf", "--max_gb", "0.0001"])
    remedy = "Fetch it by `mgf-brain pull anna/mgf --max_gb 1`, and go on."
    assert stopped.value.code == 2 and remedy in capsys.readouterr().err
    assert not hub.ranges("model.safetensors")
    pulled = pull("anna/mgf", max_gb=0.001)
    assert set(files(pulled)) == set(FILES)
    assert pull("anna/mgf", max_gb=0.0001) == pulled  # nothing is left to be fetched


@pytest.mark.parametrize("name", ["units.model", "hyperparams.yaml"])
def test_a_link_out_of_the_folder_is_not_published(hub: Hub, folder: Path, name: str):
    secret = folder.parent / "secret"
    secret.write_text("sample_rate: 1")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(secret)
    with pytest.raises(UserError, match=f"{name} is a link to .*secret"):
        push(folder, "anna/mgf")
    assert not hub.requests


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "does not accept your token"),
        (403, "your token does not allow that"),
        (404, "status 404"),
        (429, "too many requests"),
        (418, "status 418"),
        (503, "status 503"),
    ],
)
def test_an_answer_that_is_an_error_is_one_line(hub: Hub, folder: Path, status: int, message: str):
    push(folder, "anna/mgf")
    hub.status = status
    for call in (lambda: pull("anna/other"), lambda: push(folder, "anna/mgf")):
        with pytest.raises(UserError, match=f"anna/.*{message}"):
            call()


@pytest.mark.parametrize(
    ("proxy", "endpoint", "message"),
    [
        ("socks5://127.0.0.1:9", "http://hub.invalid", "SOCKS proxy .*pip install socksio"),
        ("ftp://127.0.0.1:9", "http://hub.invalid", "proxies"),
        ("http://127.0.0.1:9", "http://hub.invalid", "cannot be reached"),
        ("", "http://127.0.0.1:9", "cannot be reached"),
        ("", "http://hub.invalid", "cannot be reached"),
        ("", "http://[", "HF_ENDPOINT"),
        ("", "nonsense", "HF_ENDPOINT|cannot be reached"),
        ("", "https:{hub}", "cannot be reached"),  # no TLS is spoken there
    ],
)
def test_a_network_that_is_set_wrongly_is_one_line(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, proxy: str, endpoint: str, message: str
):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", proxy)
    endpoint = endpoint.format(hub=hub.url.removeprefix("http:"))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)
    huggingface_hub.close_session()  # the client reads the proxies once
    try:
        with pytest.raises(UserError, match=f"^anna/mgf: .*{message}"):
            pull("anna/mgf")
    finally:
        huggingface_hub.close_session()


def test_a_private_model_is_for_its_owner(hub: Hub, folder: Path, monkeypatch):
    push(folder, "anna/mgf", private=True)
    assert set(files(pull("anna/mgf"))) == set(FILES)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(folder.parent / "other"))
    with pytest.raises(UserError, match="no model that the hub shows you.*hf auth login"):
        pull("anna/mgf")


def test_a_public_model_does_not_turn_private_in_silence(hub: Hub, folder: Path):
    push(folder, "anna/mgf")
    with pytest.raises(UserError, match="anna/mgf exists and is public"):
        push(folder, "anna/mgf", private=True)


@pytest.mark.parametrize("call", [lambda folder: push(folder, "anna/x"), lambda _: pull("anna/x")])
def test_a_wrong_token(hub: Hub, folder: Path, monkeypatch, call: Callable):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(UserError, match="anna/x: the hub does not accept your token") as caught:
        call(folder)
    assert "hf_wrong" not in str(caught.value) and not hub.models


def test_a_transfer_that_breaks_off_is_continued(hub: Hub, folder: Path, monkeypatch):
    push(folder, "anna/mgf")
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 256)
    hub.cut["model.safetensors"] = [1024, 512]
    assert (pull("anna/mgf") / "model.safetensors").read_bytes() == WEIGHTS
    assert hub.ranges("model.safetensors") == ["", "bytes=1024-", "bytes=1536-"]


def test_a_pull_that_was_killed_fetches_only_what_is_missing(hub: Hub, folder: Path, monkeypatch):
    def kill(seconds: float) -> None:
        raise KeyboardInterrupt

    push(folder, "anna/mgf")
    hub.cut["model.safetensors"] = [1000]
    with monkeypatch.context() as patch:
        patch.setattr("huggingface_hub.file_download.time.sleep", kill)
        with pytest.raises(KeyboardInterrupt):
            pull("anna/mgf")
    with pytest.raises(UserError, match="not .wholly. in the cache"):
        pull("anna/mgf", local_only=True)
    hub.requests.clear()
    pulled = pull("anna/mgf")
    assert (pulled / "model.safetensors").read_bytes() == WEIGHTS
    assert set(files(pulled)) == set(FILES) and len(hub.ranges("model.safetensors")) == 1


def test_a_hub_that_is_down_is_needed_only_once(hub: Hub, folder: Path, monkeypatch):
    push(folder, "anna/mgf")
    pulled, server = pull("anna/mgf"), hub
    server.status = 500
    assert pull("anna/mgf") == pulled == pull("anna/mgf", local_only=True)
    with pytest.raises(UserError, match="anna/other: not .wholly. in the cache"):
        pull("anna/other", local_only=True)
    with pytest.raises(UserError, match="anna/other: the hub answers with status 500"):
        pull("anna/other")
    with pytest.raises(UserError, match="anna/mgf: the hub answers with status 500"):
        push(folder, "anna/mgf")


def test_the_environment_of_the_library_and_no_network(hub: Hub, folder: Path, tmp_path: Path):
    """In processes of their own, whose home is empty: fetched, then used without the server."""
    push(folder, "anna/mgf")
    code = "from mgf_brain.folder.hub import local_path; print(local_path('anna/mgf'))"
    env = {name: os.environ[name] for name in ("PATH", "NO_PROXY")}
    env |= {"HF_HOME": str(tmp_path / "empty"), "HF_ENDPOINT": hub.url, "PYTHONPATH": str(ROOT)}
    env |= {"HF_HUB_DISABLE_XET": "1"}

    def printed(**more: str) -> str:
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=env | more, capture_output=True, text=True).stdout

    first = printed()
    hub.server_close()
    assert first and Path(first.strip()).is_relative_to(tmp_path / "empty")
    hub.requests.clear()
    assert printed(HF_HUB_OFFLINE="1") == first and not hub.requests


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("README.md", None, "lacks README.md"),
        ("results.json", None, "lacks results.json"),
        ("results.json", "{}", "lacks scores in results.json"),
        ("results.json", "[", "results.json is no JSON"),
        ("README.md", "---\ntags: [a]\n---\n", "lacks the licence of its data"),
        ("README.md", "nothing", "lacks the licence of its data"),
        ("README.md", "---\nlicense: other\n---\n", "lacks the licence of its data"),
        ("README.md", "---\na: [\n---\n", "lacks the licence of its data"),
        ("model.safetensors", None, "holds no model"),
    ],
)
def test_what_nobody_could_use_is_not_published(hub: Hub, folder: Path, name, text, message):
    (folder / name).unlink() if text is None else (folder / name).write_text(text)
    with pytest.raises(UserError, match=message):
        push(folder, "anna/mgf")
    assert not hub.requests


def test_a_model_is_used_by_its_name(hub: Hub, tmp_path: Path):
    model, wav = write_classifier(tmp_path / "model", CARD), torch.randn(8000)
    (tmp_path / "model" / "results.json").write_text('{"metrics": {"uar": 60.0}}')
    push(tmp_path / "model", "anna/emotion")
    loaded = UtteranceClassifier.from_pretrained("anna/emotion")
    assert loaded.classify(wav, 16000) == model.classify(wav, 16000)


def test_a_recipe_takes_an_encoder_by_its_name(hub: Hub, tmp_path: Path):
    encoder, wavs, lengths = example_encoder(), torch.randn(1, 8000), torch.tensor([8000])
    modules, results = dict(encoder.named_children()), {"metrics": {"loss": 1.0}}
    export_folder(tmp_path / "made", modules, dump_expanded(encoder_yaml()), results, CARD)
    push(tmp_path / "made", "anna/mgf", revision="v1")
    made = load_extractor("anna/mgf@v1", "hparams/mgf.yaml", seed=0)
    assert made.name == pretrained_name("anna/mgf@v1") == "anna-mgf@v1"
    assert torch.equal(made.encoder.embed(wavs, lengths), encoder.embed(wavs, lengths))
    node = encoder_node("anna/mgf@v1", "hparams/mgf.yaml")
    assert dump_expanded(node) == dump_expanded(encoder_yaml())


def test_commands(hub: Hub, folder: Path, capsys: pytest.CaptureFixture):
    main(["push", str(folder.parent), "anna/mgf@narrow", "--private"])
    assert capsys.readouterr().out == f"{hub.url}/anna/mgf\n"
    assert hub.models["anna/mgf"].private and set(hub.models["anna/mgf"].branches) == {"narrow"}
    main(["pull", "anna/mgf@narrow"])
    assert capsys.readouterr().out == f"{pull('anna/mgf', 'narrow')}\n"
    for words in (["pull", "mgf"], ["pull", "anna/other"], ["push", str(folder), "a/b/c"]):
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert stopped.value.code == 2
        assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {words[-1]}")


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "results" / "mgf").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert not is_hub_name("results/mgf") and is_hub_name("results/other")
    for name in ("fbank", "/a/b", "a/b/c", "./a", "../a", "a b/c", "a/b@", "~/a", tmp_path / "x"):
        assert not is_hub_name(name), name
    assert local_path("results/mgf") == Path("results/mgf")
    for name in ("mgf", "a/b/c", ""):
        with pytest.raises(UserError, match="Write user/name"):
            split_name(name)


@pytest.mark.parametrize("name", ["anna--/mgf", "anna/mgf.git", "anna/" + 100 * "x"])
def test_a_name_that_the_hub_does_not_allow(hub: Hub, folder: Path, name: str):
    for call in (pull, lambda name: push(folder, name)):
        with pytest.raises(UserError, match="mgf|xxx"):
            call(name)
    assert not hub.requests
