"""Folders from elsewhere: what ours name is built as before, anything else is refused."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml

from mgf_brain.downstream.pretrained import encoder_node
from mgf_brain.errors import UserError
from mgf_brain.folder import safe_yaml
from mgf_brain.folder.safe_yaml import ALLOWED, load_safely, read_keys, refuse_brackets
from mgf_brain.folder.write import dump_expanded, inference_yaml, new_node, plain
from mgf_brain.inference import (
    SpeakerVerifier,
    SpeechEncoder,
    SpeechRecognizer,
    UtteranceClassifier,
    example_encoder,
)
from mgf_brain.inference.tokens import Tokens
from mgf_brain.nn.ctc_head import CTCHead
from mgf_brain.nn.encoder import NoContext
from mgf_brain.nn.low_rank import LowRank
from mgf_brain.public_names import public_name
from mgf_brain.run.asked import resolve
from mgf_brain.run.inputs import BASELINES
from mgf_brain.run.yaml_files import dump, read_files
from tests.inference.folders import write_classifier, write_folder
from tests.recipes.test_yamls import HPARAMS

KINDS = [SpeechEncoder, SpeakerVerifier, SpeechRecognizer, UtteranceClassifier]
EXPORTED = {"front_end": ("module",), "network": ("front_end", "encoder", "embedding")}
NOT_EXPORTED = {"mgf_brain.tasks.verification.AngularMarginHead"}  # it trains the embedding
ENCODER = "!new:mgf_brain.nn.NoContext"


def named(text: str) -> set[str]:
    """What a text names by a tag."""
    return set(re.findall(r"!(?:new|name):([\w.]+)", text))


def parts_of(path: Path, keys: Iterable[str]) -> str:
    """Some keys of a yaml file, and those that they refer to."""
    tree, made = read_files(str(path)), {}
    todo = [*keys]
    while todo:
        key = todo.pop()
        if key in tree and key not in made:
            made[key] = tree[key]
            todo += re.findall(r"!ref <(\w+)", dump_expanded({key: tree[key]}))
    return dump_expanded(made)


def write(folder: Path, text: str) -> Path:
    path = folder / "hyperparams.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(HPARAMS.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_exported_part_is_accepted(path: Path):
    """What ``mgf_brain.folder.safe_yaml`` lacks: a model, a head, a front-end or a network."""
    keys = EXPORTED.get(path.parent.name, ("speech_model", "embedding", "probe", "head"))
    made = parts_of(path, keys)
    assert not named(made) - {*ALLOWED, *NOT_EXPORTED}


def test_every_encoder_and_symbol_is_accepted():
    nodes = {name: encoder_node(name, str(HPARAMS / "mgf.yaml")) for name in BASELINES}
    assert not named(dump_expanded(nodes | {"tokens": new_node(Tokens, symbols="ab")})) - {*ALLOWED}


def test_every_name_is_of_one_of_our_classes():
    for name in ALLOWED:
        found = safe_yaml._named(name)
        assert name == public_name(found) and name.startswith("mgf_brain.")


def test_all_that_is_allowed_is_part_of_a_model():
    for name in ALLOWED:
        assert issubclass(safe_yaml._named(name), (torch.nn.Module, Tokens, LowRank)), name


def test_no_allowed_class_takes_the_name_of_a_file():
    for name in ALLOWED:
        taken = inspect.signature(safe_yaml._named(name)).parameters
        assert not re.search("path|file|folder|source|name", " ".join(taken)), name


def test_what_is_built_is_what_hyperpyyaml_builds(tmp_path: Path):
    main = HPARAMS / "mgf.yaml"
    text = inference_yaml(resolve(dump(read_files(str(main), "LibriSpeech")), str(main)))
    text += dump_expanded({"threshold": -1.25e-9, "labels": plain(["no", "1", "~", "1e3", "é"])})
    text += "numbers: [1e-3, 0o7, 1_000, yes, true, null, ~, 007, .5, 1., -.inf, '1']\n"
    ours, theirs = load_safely(write(tmp_path, text)), load_hyperpyyaml(text)
    shapes = [
        {k: v.shape for k, v in x.pop("speech_model").state_dict().items()} for x in (ours, theirs)
    ]
    assert shapes[0] == shapes[1] and ours == theirs
    assert list(map(type, ours["numbers"])) == list(map(type, theirs["numbers"]))


def test_a_name_with_and_without_arguments(tmp_path: Path):
    name = "!name:mgf_brain.nn.NoContext"
    parts = load_safely(write(tmp_path, f"a: {name}\nb: {name} {{dim: 3}}\nc: {ENCODER} [4]\n"))
    assert parts["a"] is NoContext and isinstance(parts["b"], partial)
    assert (parts["b"]().dim, parts["c"].dim) == (3, 4)


HOSTILE = {
    "!apply:os.system": "!apply:os.system [touch {mark}]",
    "!apply:speechbrain.core.os.system": "!apply:speechbrain.core.os.system [touch {mark}]",
    "!applyref:os.system": "!applyref:os.system [touch {mark}]",
    "!!python/object/apply:os.system": "!!python/object/apply:os.system [touch {mark}]",
    "!!python/name:os.system": "!!python/name:os.system",
    "!!python/object/new:subprocess.Popen": "!!python/object/new:subprocess.Popen [touch {mark}]",
    "!new:subprocess.Popen": "!new:subprocess.Popen [[touch, {mark}]]",
    "!new:experiments.demo.subprocess.Popen": "!new:experiments.demo.subprocess.Popen [touch]",
    "!name:os.system": "!name:os.system",
    "!new:mgf_brain.inference.tokens.SentencePieceTokens": (
        "!new:mgf_brain.inference.tokens.SentencePieceTokens []"
    ),
    "!new:mgf_brain.inference.Enhancer": "!new:mgf_brain.inference.Enhancer {{}}",
    "!new:mgf_brain.nn.NoContext.forward": "!new:mgf_brain.nn.NoContext.forward {{}}",
    "!new:mgf_brain.masking.SpanMask": "!new:mgf_brain.masking.SpanMask [1, 0.5]",
    "!new:mgf_brain.nn.SpanMask": "!new:mgf_brain.nn.SpanMask [1, 0.5]",
    "!name:mgf_brain.verification_recipe.verify": "!name:mgf_brain.verification_recipe.verify",
    "!new:mgf_brain.ctc.torch": "!new:mgf_brain.ctc.torch {{}}",
    "!module:os": "!module:os",
    "!include:/etc/passwd": "!include:/etc/passwd",
    "!ref": "!ref <b>",
    "!copy": "!copy <b>",
    "!tuple": "(1, 2)",
    "!PLACEHOLDER": "!PLACEHOLDER",
    "!!timestamp": "2020-01-01",
    "!!binary": "!!binary aGk=",
    "!!merge": "{{<<: {{a: 1}}}}",
    "the anchor &x": "&x 1",
}


@pytest.mark.parametrize("tag", HOSTILE)
@pytest.mark.parametrize("inside", ["rate: 1\nb: {}\n", f"b:\n- dim: {ENCODER}\n    dim: {{}}\n"])
def test_what_is_refused_with_line_and_name(tmp_path: Path, tag: str, inside: str):
    mark = tmp_path / "mark"
    path = write(tmp_path, inside.format(HOSTILE[tag].format(mark=mark)))
    line = len(inside.splitlines())
    with pytest.raises(UserError, match=f"yaml, line {line}: {re.escape(tag)} is refused.*--trust"):
        load_safely(path)
    assert not mark.exists()


def test_a_key_is_looked_at_too(tmp_path: Path):
    for text in ("? !apply:os.getcwd []\n: 1\n", "a: {? !apply:os.getcwd [] : 1}\n"):
        with pytest.raises(UserError, match="is refused|no mapping of names"):
            load_safely(write(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        "%TAG ! tag:yaml.org,2002:python/object/apply:\n---\na: !os.getcwd []\n",
        "a: !<!apply:os.getcwd> []\n",
        "a: !ap%70ly:os.getcwd []\n",
    ],
)
def test_a_tag_in_disguise(tmp_path: Path, text: str):
    with pytest.raises(UserError, match="os.getcwd is refused"):
        load_safely(write(tmp_path, text))


def test_words_in_brackets(tmp_path: Path):
    """HyperPyYAML reads them with an unsafe loader: refused, in quotes kept as they are."""
    mark = tmp_path / "mark"
    word = f"(!!python/object/apply:os.system [touch {mark}])"
    path = write(tmp_path, f"a: {word}\n")
    with pytest.raises(UserError, match="line 1: !tuple is refused"):
        load_safely(path)
    assert not mark.exists()
    load_hyperpyyaml(path.read_text())
    assert mark.exists()  # why it is refused, before and after HyperPyYAML was called
    with pytest.raises(UserError, match="line 1: !tuple is refused"):
        load_safely(path)
    assert load_safely(write(tmp_path, f"a: '{word}'\n")) == {"a": word}


@pytest.mark.parametrize("text", ["'{}'", '"{}"', "['{}']", "{{'{}': 1}}", "|-\n  {}", "' {} '"])
def test_words_in_brackets_are_not_copied_for_hyperpyyaml(tmp_path: Path, text: str):
    """It drops quotes when it dumps the document, before its loader has once been made."""
    path = write(tmp_path, f"a: 1\nb: {text.format('(!!python/name:os.system )')}\n")
    assert len(load_safely(path)) == 2
    with pytest.raises(UserError, match="hyperparams.yaml, line [23]: HyperPyYAML would evaluate"):
        refuse_brackets(path)
    refuse_brackets(write(tmp_path, "a: (1, 2)\nb: 'x (y)'\n"))  # plain ones are checked on loading


def test_an_encoder_with_words_in_brackets_is_not_copied(tmp_path: Path):
    """Any text is true to a switch; a run's own model/ would hold it, to be loaded with trust."""
    write_classifier(tmp_path / "model")
    path = tmp_path / "model" / "hyperparams.yaml"
    assert encoder_node(str(tmp_path / "model"), "").tag.value.endswith("SpeechEncoder")
    switch = "'(!!python/object/apply:os.getcwd [])'"
    path.write_text(path.read_text().replace("layers: 2", f"layers: 2\n      pre_norm: {switch}"))
    with pytest.raises(UserError, match="pre_norm: .* is of another type"):
        UtteranceClassifier.from_pretrained(tmp_path / "model")
    with pytest.raises(UserError, match="HyperPyYAML would evaluate"):
        encoder_node(str(tmp_path / "model"), "")


@pytest.mark.parametrize(
    "bad", [b"\xe9: 1\n", b"a: [\n", b"a: " + b"[" * 3000, b"a: 1\n---\nb: 1\n"]
)
def test_what_is_no_yaml_is_named(tmp_path: Path, bad: bytes):
    path = tmp_path / "hyperparams.yaml"
    path.write_bytes(bad)
    for read in (read_keys, load_safely):
        with pytest.raises(UserError, match="hyperparams.yaml: .* Copy the folder anew."):
            read(path)


def test_keys_are_read_and_nothing_is_built(tmp_path: Path):
    text = "a: !apply:os.getcwd []\nb: !!python/name:os.system\nc: 2001-99-99\n"
    assert read_keys(write(tmp_path, text)) == ["a", "b", "c"]
    assert read_keys(write(tmp_path, "")) == []


def test_nothing_is_built_before_all_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    built = []
    monkeypatch.setattr(NoContext, "__init__", lambda self, dim: built.append(dim))
    with pytest.raises(UserError, match="line 2"):
        load_safely(write(tmp_path, f"a: {ENCODER} {{dim: 3}}\nb: !apply:os.getcwd []\n"))
    assert not built


def test_an_object_must_bear_the_name_that_is_allowed(tmp_path: Path, monkeypatch):
    others = "mgf_brain.SpeechEncoder", "mgf_brain.nn.pooling.layer_pools"
    monkeypatch.setattr(safe_yaml, "ALLOWED", (*ALLOWED, *others))
    for name in others:  # a second name, and a function's
        with pytest.raises(UserError, match=f"{name} is refused: it is another object's name"):
            load_safely(write(tmp_path, f"a: !new:{name} {{}}\n"))


@pytest.mark.parametrize("text", ["[1]", "word", "1: 2\n", "!new:mgf_brain.nn.NoContext {dim: 1}"])
def test_a_document_that_is_no_mapping_of_names(tmp_path: Path, text: str):
    with pytest.raises(UserError, match="hyperparams.yaml: no mapping of names"):
        load_safely(write(tmp_path, text))


@pytest.mark.parametrize("kind", KINDS)
def test_trust_is_asked_for(tmp_path: Path, kind: type):
    """A folder of one's own, with a class that mgf_brain does not know."""
    write_classifier(tmp_path / "model")
    path = tmp_path / "model" / "hyperparams.yaml"
    path.write_text(path.read_text() + "more: !apply:operator.truediv [1, 0]\n")
    with pytest.raises(UserError, match="!apply:operator.truediv is refused"):
        kind.from_pretrained(tmp_path / "model")
    with pytest.raises(UserError, match="division by zero"):
        kind.from_pretrained(tmp_path / "model", trust=True)


def test_a_folder_of_ones_own_loads(tmp_path: Path):
    model, wav = write_classifier(tmp_path / "model"), torch.randn(8000)
    path = tmp_path / "model" / "hyperparams.yaml"
    path.write_text(path.read_text().replace('"no"', "!apply:str.lower [NO]"))
    loaded = UtteranceClassifier.from_pretrained(tmp_path / "model", trust=True)
    assert loaded.classify(wav, 16000) == model.classify(wav, 16000)


@pytest.mark.parametrize("content", [None, b"junk"])
def test_units_that_cannot_be_read_are_named(tmp_path: Path, content: bytes | None):
    head = {"num_states": 3, "dim": 32, "hop": 640, "tokens": 3}
    model = SpeechRecognizer(example_encoder(), CTCHead(**head), Tokens("ab"))
    folder = write_folder(
        tmp_path / "model", model, head=new_node(CTCHead, **head), tokens="u.model"
    )
    if content:
        (folder / "u.model").write_bytes(content)
    with pytest.raises(UserError, match="u.model holds no units"):
        SpeechRecognizer.from_pretrained(folder)


@pytest.mark.parametrize("tokens", ["../../secret.model", "/secret.model", "..", ""])
def test_a_recogniser_reads_no_file_outside_its_folder(tmp_path: Path, tokens: str, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "mgf_brain.inference.recognition.SentencePieceTokens",
        lambda path: opened.append(path) or Tokens("ab"),
    )
    head = {"num_states": 3, "dim": 32, "hop": 640, "tokens": 3}
    model = SpeechRecognizer(example_encoder(), CTCHead(**head), Tokens("ab"))
    folder = write_folder(tmp_path / "model", model, head=new_node(CTCHead, **head), tokens=tokens)
    SpeechRecognizer.from_pretrained(folder)
    assert opened[0].parent in (folder, folder.parent) and not opened[0].is_file()
