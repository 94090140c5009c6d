"""Manifests, lists, labels and transcripts: the right rows or one line, never fewer rows."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path

import soundfile
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mgf_brain.data.audio_files import Segment
from mgf_brain.data.corpora.own import prepare_own
from mgf_brain.data.labels.phone_labels import read_class_names, read_phone_labels, read_split
from mgf_brain.data.labels.spelling import spell
from mgf_brain.data.labels.transcripts import read_lexicon
from mgf_brain.data.labels.trials import read_trials
from mgf_brain.data.manifest import SUMMARY_FILE, Utterance, read_manifest, write_manifest
from mgf_brain.data.preparation.summary import read_summary
from mgf_brain.errors import UserError
from mgf_brain.folder.safe_yaml import load_safely
from mgf_brain.folder.write import dump_expanded, new_node
from mgf_brain.inference.tokens import Tokens
from mgf_brain.tasks.speakers.oneshot import read_oneshot
from tests.faults.outcome import result_or_line

FOLDER = Path(tempfile.mkdtemp(prefix="mgf_tables_"))
for name in "abc":
    samples = ord(name) / 256 + torch.linspace(0, 0.1, 1600)
    soundfile.write(FOLDER / f"{name}.wav", samples.numpy(), 16000)

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
FIELD = st.text(st.sampled_from("ab1 .,;\t\"'é\ufeff/$\0"), max_size=6) | TEXT
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def one_line(field: str) -> bool:
    """Whether a field is one that a row can hold."""
    return not {"\n", "\r", "\0"} & set(field) and field == field.strip()


@given(
    rows=st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=5),
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=LINE_ENDS,
    mark=st.sampled_from(["utf-8", "utf-8-sig"]),
)
def test_all_rows_that_are_written_are_read(rows, delimiter, quoting, end, mark):
    rows = [row for row in rows if all(map(one_line, row))]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(["id", "Wav", "spk_id", "wrd", "label"])
    writer.writerows([f"u{i}", "/a.wav", *row] for i, row in enumerate(rows))
    path = FOLDER / "written.csv"
    path.write_text(text.getvalue(), encoding=mark, newline="")
    read = read_manifest(path, columns=("spk_id",), measured=True)
    assert [(u.id, u.speaker, u.words or "", u.label or "") for u in read] == [
        (f"u{i}", *row) for i, row in enumerate(rows)
    ]


GOOD = "ID,duration,wav,start,stop,spk_id,wrd\n" + "".join(
    f'u{i},0.1,{name}.wav,{i},,s{i},"A, B"\n' for i, name in enumerate("abcabc")
)


@given(places=st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 2), FIELD), max_size=4))
@example(places=[(GOOD.index("s1"), 0, '"'), (GOOD.index("s4"), 0, '"')])  # rows in between
@example(places=[(GOOD.index("s1"), 0, '"'), (GOOD.index("\nu3"), 0, '"')])
@example(places=[(GOOD.index("a.wav"), 0, "/" + 5000 * "x")])
@example(places=[(GOOD.index("a.wav"), 0, "/\0")])
def test_no_row_of_a_damaged_manifest_vanishes(places):
    text = GOOD
    for place, gone, put in sorted(places, reverse=True):
        text = text[:place] + put + text[place + gone :]
    path = FOLDER / "damaged.csv"
    path.write_bytes(text.encode())
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    held = [line for line in lines if line.strip('\ufeff \t,;"')]
    found = result_or_line(read_manifest, path, FOLDER, measured=True)
    assert isinstance(found, UserError) or len(found) >= len(held) - 1
    if isinstance(found, UserError):
        assert "line " in str(found) or "column" in str(found) or "damaged.csv" in str(found)
    prepared = result_or_line(prepare_own, path, FOLDER, FOLDER / "save", max_bad_share=0.5)
    if not isinstance(prepared, UserError):
        kept, skipped = read_manifest(prepared["train"]), read_summary(FOLDER / "save")["skipped"]
        assert len(kept) + len(skipped) == len(found)


@given(
    rows=st.lists(
        st.tuples(TEXT, TEXT, TEXT, st.none() | st.tuples(st.integers(0, 99), st.none())),
        max_size=4,
    )
)
def test_a_manifest_comes_back_or_cannot_be_written(rows):
    utterances = []
    for i, (speaker, words, label, part) in enumerate(rows):
        wav = Segment("/a.wav", *part) if part else "/a.wav"
        utterances.append(Utterance(f"u{i}", 1.5, wav, speaker, words or None, label or None))
    path = FOLDER / "again.csv"
    if not isinstance(result_or_line(write_manifest, path, utterances, "/"), UserError):
        read = read_manifest(path, "/")
        assert [(u.id, u.wav) for u in read] == [(u.id, u.wav) for u in utterances]
        assert [u.speaker for u in read] == [u.speaker.strip() for u in utterances]
        assert [u.words or "" for u in read] == [(u.words or "").strip() for u in utterances]


ODD_LINE = st.lists(
    st.sampled_from(
        ["0", "1", "a.wav", "b.wav", "/", ".", "..", "", "enrol", "test", "s", 300 * "n", "7", "x"]
    )
    | FIELD,
    max_size=4,
)
READERS: dict[str, tuple[str, Callable]] = {
    "trials": (" ", lambda path: read_trials(path, FOLDER)),
    "oneshot": ("\t", lambda path: read_oneshot(path, FOLDER)),
    "labels": (" ", read_phone_labels),
    "split": (" ", read_split),
    "lexicon": (" ", read_lexicon),
    "classes": (" ", lambda path: read_class_names(path, [torch.tensor([0, 2])])),
}
STARTS = {
    "trials": ["1 a.wav b.wav", "0 a.wav c.wav"],
    "oneshot": ["enrol\ts\ta.wav", "test\ts\tb.wav"],
}


@given(
    kind=st.sampled_from(sorted(READERS)),
    lines=st.lists(ODD_LINE, max_size=4),
    bytes_between=st.binary(max_size=2),
    end=LINE_ENDS,
)
@example(kind="trials", lines=[["1", "/", "a.wav"]], bytes_between=b"", end="\n")
@example(kind="trials", lines=[["1", 300 * "n", "a.wav"]], bytes_between=b"", end="\n")
@example(kind="oneshot", lines=[["test", "s", "."]], bytes_between=b"", end="\n")
@example(kind="labels", lines=[], bytes_between=b"", end="\n")
@example(kind="split", lines=[], bytes_between=b"", end="\n")
@example(kind="lexicon", lines=[["A", 200_000 * "B"]], bytes_between=b"", end="\n")
def test_a_list_is_read_or_its_line_named(kind, lines, bytes_between, end):
    between, read = READERS[kind]
    lines = [*STARTS.get(kind, []), *(between.join(line) for line in lines)]
    name = "list_classes.txt" if kind == "classes" else "list.txt"
    (FOLDER / name).write_bytes(bytes_between.join((line + end).encode() for line in lines))
    result_or_line(read, FOLDER / "list.txt")


@given(
    texts=st.dictionaries(st.sampled_from("abcdef"), TEXT, min_size=1),
    upper=st.booleans(),
)
def test_letters_of_any_script_stay_apart(texts, upper):
    words = {id: result_or_line(spell, text, upper, id) for id, text in texts.items()}
    for id, made in words.items():
        if isinstance(made, UserError):
            assert str(made).startswith(f"{id}: ")
            continue
        assert spell(made, upper) == made == unicodedata.normalize("NFC", made)
        composed = unicodedata.normalize("NFC", texts[id]).replace("’", "'")
        letters = [c for c in composed if unicodedata.category(c)[0] == "L"]
        kept = [c for c in made if unicodedata.category(c)[0] == "L"]
        assert len(kept) == len(letters)
        assert all(k == c or (upper and k == c.upper()) for k, c in zip(kept, letters, strict=True))
    spoken = [made for made in words.values() if not isinstance(made, UserError)]
    tokens = Tokens.of(spoken)
    assert [tokens.decode(tokens.encode(text)) for text in spoken] == spoken
    assume(len(tokens) > 1)
    again = through_yaml(tokens)
    assert again.names == tokens.names and [again.encode(t) for t in spoken] == [
        tokens.encode(t) for t in spoken
    ]


def through_yaml(tokens: Tokens) -> Tokens:
    """As an exported folder keeps them."""
    node = new_node(Tokens, symbols=tokens.names[1:], separator=tokens.separator)
    (FOLDER / "tokens.yaml").write_text(dump_expanded({"tokens": node}), encoding="utf-8")
    return load_safely(FOLDER / "tokens.yaml")["tokens"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
SUMMARY = {
    "parts": {"train": {"utterances": 3, "hours": 0.1, "speakers": 3, "without_transcript": 0}},
    "sample_rates": {"16000": 3},
    "channels": {"1": 3},
    "skipped": [{"file": "d.wav", "reason": "empty"}],
    "duplicates": [["a.wav", "b.wav"]],
    "repeated_ids": ["a.wav"],
    "silence": {"hours_before": 0.2, "without_speech": ["c.wav"]},
    "fingerprint": "f",
    "data_root": str(FOLDER),
}


@given(
    key=st.sampled_from([None, *SUMMARY]),
    value=JSON,
    cut=st.integers(0, 600),
    put=st.binary(max_size=3),
)
def test_a_damaged_summary_is_named_and_a_preparation_starts_again(key, value, cut, put):
    folder = FOLDER / "summary"
    folder.mkdir(exist_ok=True)
    summary = value if key is None else {**SUMMARY, key: value}
    text = json.dumps(summary).encode()
    (folder / SUMMARY_FILE).write_bytes(text[:cut] + put + text[cut + len(put) :])
    result_or_line(read_summary, folder)
    (folder / "speech.csv").write_text("ID,duration,wav,spk_id\nu,0.1,a.wav,s\n")
    found = result_or_line(read_manifest, folder / "speech.csv")
    assert isinstance(found, UserError) or found[0].wav.endswith("a.wav")
    made = prepare_own(folder / "speech.csv", FOLDER, folder)
    assert [u.duration for u in read_manifest(made["train"])] == [0.1]
