"""Labels of speechocean762's speakers."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgf_brain.data.corpora.speechocean762 import speaker_attribute, with_attribute
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from tests.data.miniatures_speech import make_speaker_tables, write_text


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    train = {"0001": "m 6", "0005": "f 17", "0006": "f 18"}
    return make_speaker_tables(tmp_path / "speechocean762", train, {"0024": "m 25"})


@pytest.mark.parametrize(
    "attribute, labels", [("sex", "m f f m"), ("age_group", "child child adult adult")]
)
def test_labels_by_speaker(corpus, attribute, labels):
    names = ["so762-0001", "so762-0005", "so762-0006", "so762-0024"]
    assert speaker_attribute(corpus, attribute) == dict(zip(names, labels.split(), strict=True))


def test_utterances_keep_all_but_their_label(corpus):
    rows = [Utterance(id, 1.0, f"/{id}.wav", f"so762-{id[:4]}", "A") for id in ("00240", "00011")]
    labelled = with_attribute(iter(rows), corpus, "age_group")
    assert [u.label for u in labelled] == ["adult", "child"]
    assert [(u.id, u.speaker, u.words) for u in labelled] == [
        (u.id, u.speaker, u.words) for u in rows
    ]


def test_unknown_attribute_or_speaker(corpus):
    with pytest.raises(UserError, match="attribute: expected one of sex, age_group, got 'accent'"):
        with_attribute([], corpus, "accent")
    with pytest.raises(UserError, match="spk2gender lack 1 speakers, such as 0001"):
        with_attribute([Utterance("u", 1.0, "/u.wav", "0001")], corpus, "sex")


@pytest.mark.parametrize(
    "table, attribute, line",
    [
        ("spk2gender", "sex", "0005\tx"),
        ("spk2gender", "sex", "0005"),
        ("spk2age", "age_group", "0005\tsix"),
        ("spk2age", "age_group", "0005\t6\t7"),
    ],
)
def test_wrong_lines_are_named(corpus, table, attribute, line):
    good = "m" if attribute == "sex" else "6"
    write_text(corpus / "train" / table, f"0001\t{good}\n{line}\n")
    with pytest.raises(UserError, match=f"{table} line 2: no speaker with {attribute}"):
        speaker_attribute(corpus, attribute)


def test_missing_table(corpus):
    (corpus / "test" / "spk2age").unlink()
    with pytest.raises(UserError, match="file not found: .*test/spk2age"):
        with_attribute([], corpus, "age_group")
