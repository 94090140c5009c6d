"""Folders of models from elsewhere, damaged or hostile: loaded, or refused with one line."""

from __future__ import annotations

import json
import resource
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from mgf_brain.errors import UserError
from mgf_brain.folder.write import export_folder
from mgf_brain.inference import SpeechEncoder
from mgf_brain.inference.any_model import load_any
from mgf_brain.inference.encoder import some_sound
from mgf_brain.reports.model_info import describe
from tests.cli.conftest import WRITERS
from tests.faults.damage import ODD_VALUES, damaged_bytes, damaged_json, damaged_yaml
from tests.faults.outcome import result_or_line
from tests.pretraining.test_report import RESULTS

SECONDS, MEGABYTES = 10, 500  # that a folder of 100 kB may take: far above what it does take
CARD = "---\nlicense: cc-by-4.0\ntags: [speech]\n---\n# A model\n"
Folders = dict[str, dict[str, bytes]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The files of a folder of each kind."""
    made = {}
    for kind, write in WRITERS.items():
        folder = tmp_path_factory.mktemp(kind) / "model"
        write(folder)
        (folder / "results.json").write_text(json.dumps(RESULTS | {"metrics": {"uar": 61.25}}))
        (folder / "README.md").write_text(CARD)
        made[kind] = {path.name: path.read_bytes() for path in folder.iterdir()}
    return made


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for path in folder.iterdir():
        path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def load_and_describe(folder: Path) -> tuple[torch.nn.Module, dict[str, str]]:
    """What ``mgf-brain info`` does."""
    model = load_any(folder)
    return model, describe(model, folder)


@contextmanager
def bounded() -> Iterator[None]:
    """Time of the processor, and memory."""
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - start < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1024 * MEGABYTES


def check(folder: Path, call: Callable[[Path], object] = load_and_describe) -> object:
    """What loads can be used; all else is one line."""
    with bounded():
        found = result_or_line(call, folder)
    if not isinstance(found, UserError):
        model = found[0]
        encoder = getattr(model, "encoder", model)
        wav = some_sound(encoder)[None]
        assert encoder.embed(wav, torch.tensor([wav.shape[1]])).isfinite().all()
    return found


@given(st.data(), st.sampled_from(sorted(WRITERS)))
def test_a_damaged_yaml(folders: Folders, tmp_path: Path, data: st.DataObject, kind: str):
    text = folders[kind]["hyperparams.yaml"].decode()
    yaml = data.draw(damaged_yaml(text))
    check(write(tmp_path, folders[kind] | {"hyperparams.yaml": yaml}))


@pytest.mark.parametrize("size", [0, -1, 10**5, 10**9, 10**12, 10**30, "true", "1.5", "text", "[]"])
@pytest.mark.parametrize("key", ["layers", "dim", "heads", "stack", "sample_rate", "classes"])
def test_any_number_of_a_yaml_is_weighed_before_it_is_built(
    folders: Folders, tmp_path: Path, key: str, size: object
):
    files = folders["UtteranceClassifier"]
    lines = files["hyperparams.yaml"].decode().splitlines()
    (place, *_) = [i for i, line in enumerate(lines) if line.strip().startswith(f"{key}: ")]
    lines[place] = f"{lines[place].partition(':')[0]}: {size}"
    yaml = "\n".join([*lines, ""]).encode()
    found = check(write(tmp_path, files | {"hyperparams.yaml": yaml}))
    assert isinstance(found, UserError)


def header_of(content: bytes) -> tuple[dict, bytes]:
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


@st.composite
def damaged_weights(draw: st.DrawFn, content: bytes) -> bytes:
    """A header that says something else of a tensor, of all of them, or of itself."""
    header, body = header_of(content)
    name = draw(st.sampled_from(sorted(header)))
    entry = dict(header[name])
    odd = draw(
        st.sampled_from(
            (
                {"shape": [10**9, 10**9]},
                {"shape": [2**63]},
                {"shape": [-1]},
                {"shape": [0]},
                {"dtype": "I32"},
                {"dtype": "F16"},
                {"dtype": "F4"},
                {"data_offsets": [0, 10**15]},
                {"data_offsets": [5, 4]},
                {"data_offsets": [0, len(body)]},
                {"data_offsets": "text"},
            )
        )
    )
    header[name] = entry | odd
    if draw(st.booleans()):
        header[draw(st.text(max_size=8))] = header.pop(name)
    text = json.dumps(header).encode()
    size = draw(st.sampled_from((len(text), 0, 7, 10**8, 2**62, 2**64 - 1)))
    return struct.pack("<Q", size) + text + body


@given(st.data(), st.sampled_from(sorted(WRITERS)))
def test_damaged_weights(folders: Folders, tmp_path: Path, data: st.DataObject, kind: str):
    content = folders[kind]["model.safetensors"]
    start = content[: 8 + struct.unpack("<Q", content[:8])[0]]  # values have no checksum
    damaged = data.draw(
        damaged_weights(content) | damaged_bytes(start).map(lambda x: x + content[len(start) :])
    )
    check(write(tmp_path, folders[kind] | {"model.safetensors": damaged}))


@given(st.data(), st.sampled_from([float("nan"), float("inf"), -float("inf")]))
def test_weights_that_are_not_finite_are_named(
    folders: Folders, tmp_path: Path, data: st.DataObject, value: float
):
    folder = write(tmp_path, folders["SpeechEncoder"])
    weights = load_file(folder / "model.safetensors")
    name = data.draw(st.sampled_from(sorted(weights)))
    weights[name] = weights[name].clone()
    weights[name].view(-1)[data.draw(st.integers(0, weights[name].numel() - 1))] = value
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(UserError, match=f"model.safetensors: {name} is not finite"):
        SpeechEncoder.from_pretrained(folder)


def test_weights_that_are_not_finite_are_not_exported(tmp_path: Path):
    model = torch.nn.Linear(2, 1)
    export_folder(tmp_path / "model", {"head": model}, "", {}, "older")
    torch.nn.init.constant_(model.weight, float("nan"))
    with pytest.raises(UserError, match="head.weight is not finite"):
        export_folder(tmp_path / "model", {"head": model}, "", {}, "newer")
    assert (tmp_path / "model" / "README.md").read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.fixture(scope="module")
def classifier(folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> torch.nn.Module:
    folder = write(tmp_path_factory.mktemp("classifier"), folders["UtteranceClassifier"])
    return load_and_describe(folder)[0]


@given(st.data())
def test_damaged_results_and_cards(classifier, tmp_path: Path, data: st.DataObject):
    results = RESULTS | {"metrics": {"uar": 61.25, "folds": {"1": {"uar": 60.0}}}}
    (tmp_path / "results.json").write_bytes(data.draw(damaged_json(results)))
    head = data.draw(damaged_yaml(CARD.split("---")[1].strip()))
    (tmp_path / "README.md").write_bytes(b"---\n" + head + b"---\n# A model\n")
    with bounded():
        found = result_or_line(describe, classifier, tmp_path)
    if isinstance(found, UserError):
        assert "results.json" in str(found)
    else:
        assert all(isinstance(value, str) for value in found.values())


@pytest.mark.parametrize("name", ["hyperparams.yaml", "results.json", "README.md"])
def test_a_huge_file_is_not_read(folders: Folders, tmp_path: Path, name: str):
    folder = write(tmp_path, folders["UtteranceClassifier"])
    with open(folder / name, "r+b") as file:
        file.truncate(10**12)  # sparse
    found = check(folder)
    assert "licence" not in found[1] if name == "README.md" else name in str(found)


def test_anchors_stay_inert(folders: Folders, tmp_path: Path):
    laughs = "a0: &a0 [x, x]\n"
    laughs += "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
    card = f"---\n{laughs}license: *a59\nlicense_name: *a59\n---\n"
    files = folders["UtteranceClassifier"] | {"README.md": card.encode()}
    assert "licence" not in check(write(tmp_path, files))[1]
    yaml = laughs.encode() + files["hyperparams.yaml"]
    assert isinstance(check(write(tmp_path, files | {"hyperparams.yaml": yaml})), UserError)


def test_a_value_of_any_type_is_a_fact_or_a_line(classifier, tmp_path: Path):
    for key, value in product(RESULTS, ODD_VALUES):
        (tmp_path / "results.json").write_text(json.dumps(RESULTS | {key: value}))
        result_or_line(describe, classifier, tmp_path)
