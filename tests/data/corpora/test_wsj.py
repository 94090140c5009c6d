"""WSJ's discs in miniature, and what becomes of transcripts."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from mgf_brain.data.corpora.wsj import normalise_wsj, prepare_wsj
from mgf_brain.data.manifest import read_manifest
from mgf_brain.errors import UserError
from tests.data.miniatures_speech import make_wsj, write_noise, write_text


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return make_wsj(tmp_path / "csr")


def read(corpus: Path, out: Path) -> dict:
    return {part: read_manifest(path) for part, path in prepare_wsj(corpus, out).items()}


def test_rows(corpus, tmp_path):
    parts = read(corpus, tmp_path / "out")
    rows = {part: [(u.id, u.speaker, u.words) for u in rows] for part, rows in parts.items()}
    assert rows == {
        "train": [("01ac0201", "01a", "OF U S"), ("46ac0201", "46a", "IT ISN'T")],
        "dev": [("4k0c0301", "4k0", "HOT AND COLD")],
        "test": [("440c0401", "440", "MR SMITH")],
    }
    assert parts["dev"][0].wav == f"{corpus}/13-16.1/wsj1/si_dt_20/4k0/4k0c0301.wav"


def test_layout_without_discs_and_in_upper_case(corpus, tmp_path):
    merged = tmp_path / "merged"
    for file in sorted(path for path in corpus.rglob("*") if path.is_file()):
        target = merged / Path(*file.relative_to(corpus).parts[1:]).as_posix().upper()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    parts = read(merged, tmp_path / "out")
    assert [u.words for u in parts["train"]] == ["OF U S", "IT ISN'T"]
    assert [u.id for u in parts["test"]] == ["440c0401"]


def test_flat_conversions_and_the_first_microphone(corpus, tmp_path):
    (corpus / "13-16.1/wsj1/si_dt_20/4k0/4k0c0301.wav").unlink()
    write_noise(corpus / "13-17.1" / "4k0c0301.wv2.wav")  # sorts before the first
    flat = write_noise(corpus / "audio" / "4k0c0301.wv1.flac")
    # Both microphones of this one were converted to .wav: the index's disc is 11_1_1.
    write_noise(corpus / "11-01.9" / "wsj0" / "si_tr_s" / "01a" / "01ac0201.wav")
    parts = read(corpus, tmp_path / "out")
    assert parts["dev"][0].wav == str(flat)
    assert "/11-1.1/" in parts["train"][0].wav


def test_lexical_transcripts_stand_in(corpus, tmp_path):
    dot = corpus / "11-14.1/wsj0/si_et_20/440/440c0400.dot"
    write_text(dot.with_suffix(".lsn"), "MISTER SMITH (440C0401)\n")
    assert read(corpus, tmp_path / "a")["test"][0].words == "MR SMITH"
    dot.unlink()
    assert read(corpus, tmp_path / "b")["test"][0].words == "MISTER SMITH"


def test_counts_and_missing_transcripts_are_reported(corpus, tmp_path, caplog):
    (corpus / "13-16.1/wsj1/si_dt_20/4k0/4k0c0300.dot").unlink()
    with caplog.at_level(logging.WARNING):
        assert read(corpus, tmp_path / "out")["dev"][0].words is None
    assert "dev: 1 utterances, not 503" in caplog.text
    assert "dev: 1 without transcript, such as 4k0c0301" in caplog.text


def test_missing_audio_counts_as_bad(corpus, tmp_path):
    (corpus / "11-1.1/wsj0/si_tr_s/01a/01ac0201.wav").unlink()
    with pytest.raises(UserError, match="1 of 4 .*wsj0/si_tr_s/01a/01ac0201.wav .file not found"):
        prepare_wsj(corpus, tmp_path / "out")
    manifests = prepare_wsj(corpus, tmp_path / "out", max_bad_share=0.3)
    assert len(read_manifest(manifests["train"])) == 1


@pytest.mark.parametrize(
    "name", ["11-13.1/wsj0/doc/indices/train/tr_s_wv1.ndx", "13-34.1/wsj1/doc/indices/h1_p0.ndx"]
)
def test_missing_index_is_named(corpus, tmp_path, name):
    (corpus / name).unlink()  # eval93's h1_p0.ndx is no substitute
    with pytest.raises(UserError, match=f"index file not found.*{re.escape(Path(name).name)}"):
        prepare_wsj(corpus, tmp_path / "out")


def test_malformed_index_line_is_named(corpus, tmp_path):
    write_text(corpus / "13-34.1/wsj1/doc/indices/si_tr_s.ndx", "; comment\nsi_tr_s/46a\n")
    with pytest.raises(UserError, match="si_tr_s.ndx line 2: expected '<disc>: <path>'"):
        prepare_wsj(corpus, tmp_path / "out")


def test_no_transcripts_at_all(corpus, tmp_path):
    for file in corpus.rglob("*.dot"):
        file.unlink()
    with pytest.raises(UserError, match="no .dot or .lsn transcripts"):
        prepare_wsj(corpus, tmp_path / "out")


@pytest.mark.parametrize(
    "text, words",
    [
        ("[loud_breath] hot [<tap] hand [door_slam>] [beep/] now [/beep] [tap]", "HOT HAND NOW"),
        ("<NOISE> one <two> thr<ee>", "ONE TWO THREE"),
        (r"\,COMMA \.PERIOD \-\-DASH \%PERCENT \.POINT", "COMMA PERIOD DASH PERCENT POINT"),
        (r"\"DOUBLE\-QUOTE \'SINGLE\-QUOTE", "DOUBLE QUOTE SINGLE QUOTE"),
        ("`SINGLE-CLOSE-QUOTE incorporated--DASH", "SINGLE CLOSE QUOTE INCORPORATED DASH"),
        (r"\(LEFT\-PAREN \)RIGHT\-PAREN \:COLON", "LEFT PAREN RIGHT PAREN COLON"),
        (r"\!EXCLAMATION\-POINT \;SEMI\-COLON", "EXCLAMATION POINT SEMI COLON"),
        (r"\?QUESTION\-MARK \/SLASH \&AMPERSAND", "QUESTION MARK SLASH AMPERSAND"),
        (r"they\'ve \'em Republicbank\`s boys\'", "THEY'VE 'EM REPUBLICBANK'S BOYS'"),
        (r"I\. B\. M\. Mr\. long\-term", "I B M MR LONG TERM"),
        ("fl(ow)- -(per)iod *amortize* M:ONEY !so . ~ ~~", "FL IOD AMORTIZE MONEY SO"),
    ],
)
def test_normalisation(text, words):
    assert normalise_wsj(text) == words
    assert normalise_wsj(words) == words


def test_digits_name_the_utterance():
    with pytest.raises(UserError, match="440c0401: '8'"):
        normalise_wsj("in 87", "440c0401")
