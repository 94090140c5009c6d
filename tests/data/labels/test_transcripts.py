"""Words, phones, lexicons and labelled subsets."""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from mgf_brain.data.labels.transcripts import (
    PHONES,
    asr_subset,
    canonical_phones,
    lexicon_phones,
    normalise_words,
    phone_transcripts,
    read_lexicon,
)
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from tests.data.miniatures_speech import make_finetuning, write_text


@pytest.mark.parametrize(
    "text, words",
    [
        ("WE CALL IT BEAR", "WE CALL IT BEAR"),
        ("  Don't  stop—the 'boys'' ' DOG.\n", "DON'T STOP THE 'BOYS'' DOG"),
        ("Ångström's naïve Straße", "ANGSTROM'S NAIVE STRASSE"),
        ("", ""),
    ],
)
def test_words_are_in_librispeechs_alphabet(text, words):
    assert normalise_words(text) == words
    assert normalise_words(words) == words


@pytest.mark.parametrize("text", ["room 12", "x²", "½ pint", "熊", "Ørsted"])
def test_what_has_no_words_is_refused_by_name(text):
    with pytest.raises(UserError, match=f"utt-1: .* in '{text}'. Write it"):
        normalise_words(text, "utt-1")


def text_phone(root: Path, text: str) -> Path:
    write_text(root / "resource" / "text-phone", text)
    return root


def test_canonical_phones_in_the_order_of_the_words(tmp_path):
    lines = [f"01.{i}\t{phone}0_S\n" for i, phone in enumerate(12 * ["AA"])]
    lines[10] = "01.10\tT_B UW1_E\n"
    text_phone(tmp_path, "".join(reversed(lines)) + "02.0\tIH_B NG_E\n")
    assert canonical_phones(tmp_path) == {"01": 10 * ["AA"] + ["T", "UW", "AA"], "02": ["IH", "NG"]}


def test_every_phone_in_every_form(tmp_path):
    forms = itertools.product(PHONES, ("", "0", "1", "2"), ("", "_B", "_I", "_E", "_S"))
    text_phone(tmp_path, "01.0\t" + " ".join("".join(form) for form in forms))
    assert Counter(canonical_phones(tmp_path)["01"]) == dict.fromkeys(PHONES, 20)
    assert len(PHONES) == 39


@pytest.mark.parametrize(
    "line, message",
    [
        ("01.0\tW_B AX0_E", "line 2: 'AX0_E' is none of the 39"),
        ("01.0\tW_X", "line 2: 'W_X' is none"),
        ("01\tW_B", "line 2: expected"),
        ("01.0", "line 2: expected"),
        ("00.0\tW_B", "line 2: 00.0 comes twice"),
    ],
)
def test_wrong_lines_are_named(tmp_path, line, message):
    text_phone(tmp_path, f"00.0\tAA1_S\n{line}\n")
    with pytest.raises(UserError, match=f"text-phone {message}"):
        canonical_phones(tmp_path)


def test_lexicons_of_all_kinds(tmp_path):
    path = tmp_path / "lexicon.txt"
    path.write_bytes(
        b";;; CMUdict\n\nREAD  R EH1 D\nREAD(1)  R IY1 D\nD\xc9J\xc0  D EY2 ZH AA1\n"
        b"A'S\tEY1 Z\nA'S\tEY1 S\nbee B IY1 # an insect\n<UNK> SPN\n!SIL SIL\n"
    )
    lexicon = read_lexicon(path)
    assert lexicon["READ"] == ["R", "EH", "D"]
    assert lexicon["A'S"] == ["EY", "Z"]
    assert lexicon["BEE"] == ["B", "IY"]
    assert len(lexicon) == 4


@pytest.mark.parametrize(
    "text, message",
    [
        ("A AH0\nB\n", "lexicon.txt line 2: B has no phones"),
        ("A AH0\nB BX\n", "lexicon.txt line 2: 'BX'"),
    ],
)
def test_wrong_lexicon_lines_are_named(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read_lexicon(write_text(tmp_path / "lexicon.txt", text))


def test_missing_lexicon(tmp_path):
    with pytest.raises(UserError, match="lexicon: file not found"):
        read_lexicon(tmp_path / "lexicon.txt")


def test_unknown_words_are_named():
    with pytest.raises(UserError, match="lexicon lacks C, D. Add"):
        lexicon_phones("C A D C", {"A": ["AH"]})


def test_utterances_with_unknown_words_are_left_out_up_to_a_share():
    texts = ["A", "A B", "B", "A"]
    rows = [Utterance(str(i), 1.0, "/a.wav", "s", words) for i, words in enumerate(texts)]
    assert phone_transcripts(rows, {"A": ["AH"]}, 0.5) == {"0": ["AH"], "3": ["AH"]}
    with pytest.raises(UserError, match="2 of 4 utterances have words that the lexicon lacks: B"):
        phone_transcripts(rows, {"A": ["AH"]}, 0.49)
    with pytest.raises(UserError, match="1 utterances have no transcript: x"):
        phone_transcripts([*rows, Utterance("x", 1.0, "/a.wav", "s")], {"A": ["AH"]}, 0.5)


def corpus(speakers: int = 20, hours: float = 3.0) -> list[Utterance]:
    """Utterances of 5 to 15 s; the first speaker has as many as all others together."""
    rng, rows = random.Random(0), []
    while sum(u.duration for u in rows) < 3600 * hours:
        speaker = 0 if rng.random() < 0.5 else rng.randrange(1, speakers)
        id = f"{speaker}-1-{len(rows):04}"
        rows.append(Utterance(id, rng.uniform(5, 15), f"/{id}.flac", str(speaker), "A"))
    return rows


def seconds(rows: list[Utterance]) -> Counter:
    total: Counter = Counter()
    for u in rows:
        total[u.speaker] += u.duration
    return total


@pytest.mark.parametrize("hours", [0.1, 1])
def test_a_subset_has_its_length_and_shares_it_among_speakers(hours):
    rows = asr_subset(corpus(), hours, seed=0)
    by_speaker = seconds(rows)
    assert 0 <= by_speaker.total() - 3600 * hours <= 15
    assert len(by_speaker) == 20
    assert max(by_speaker.values()) - min(by_speaker.values()) <= 15  # an utterance's length


def test_a_subset_depends_on_the_seed_alone():
    rows = corpus()
    first = asr_subset(rows, 1, seed=0)
    shuffled = random.Random(1).sample(rows, len(rows))
    assert set(asr_subset(shuffled, 1, seed=0)) == set(first)
    assert set(asr_subset(rows, 1, seed=1)) != set(first)
    assert first == [u for u in rows if u in set(first)]
    assert set(asr_subset(rows, 0.5, seed=0)) < set(first)


def test_all_of_it_and_more_than_there_is():
    rows = corpus(hours=1)
    assert asr_subset(rows, None, seed=0) == rows
    assert asr_subset(rows, 1.01, seed=0) == rows  # a per cent is lost in preparation
    with pytest.raises(UserError, match="hours: 10 h wanted, but the training parts hold 1.0"):
        asr_subset(rows, 10, seed=0)


def test_librilights_folder_wins(tmp_path):
    rows = corpus(hours=0.5)
    ids = [u.id for u in rows]
    folder = make_finetuning(tmp_path / "librispeech_finetuning", ids[:9], ids[20:25])
    assert [u.id for u in asr_subset(rows, 1, 0, folder)] == ids[:9]
    assert [u.id for u in asr_subset(rows, 10, 5, folder)] == ids[:9] + ids[20:25]
    with pytest.raises(UserError, match="finetuning_folder: .*--hours 1 or --hours 10"):
        asr_subset(rows, None, 0, folder)


def test_librilights_folder_must_fit(tmp_path):
    rows = corpus(hours=0.1)
    with pytest.raises(UserError, match=r"has no audio in \('1h',\)"):
        asr_subset(rows, 1, 0, tmp_path)
    folder = make_finetuning(tmp_path / "finetuning", [rows[0].id, "999-1-0001"], [])
    lacking = "lack 1 utterances of .*finetuning, such as 999-1-0001"
    with pytest.raises(UserError, match=lacking):
        asr_subset(rows, 1, 0, folder)
    with pytest.raises(UserError, match=re.escape("has 1 h and 10 h, not 100")):
        asr_subset(rows, 100, 0, folder)


@pytest.mark.parametrize("text", ["", ";;; CMUdict\n", "<UNK> AH\n"])
def test_a_lexicon_without_words_is_named(tmp_path, text):
    with pytest.raises(UserError, match="lexicon.txt holds no words"):
        read_lexicon(write_text(tmp_path / "lexicon.txt", text))


def test_lines_of_a_lexicon_count_as_in_an_editor(tmp_path):
    text = "\ufeffA  AH0\r\nB\x0b  B IY1\r\nC\u2028  S IY1 " + 99_999 * "X" + "\r\n"
    with pytest.raises(UserError, match=r"lexicon.txt line 3: .* is none of the 39") as caught:
        read_lexicon(write_text(tmp_path / "lexicon.txt", text))
    assert len(str(caught.value)) < 1000
