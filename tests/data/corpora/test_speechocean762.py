"""speechocean762's layout, in miniature."""

import numpy as np
import pytest
import soundfile

from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762
from mgf_brain.data.manifest import read_manifest
from mgf_brain.errors import UserError


@pytest.fixture
def corpus(tmp_path):
    """Two speakers a part, two utterances each; the test part is re-encoded."""
    root = tmp_path / "speechocean762"
    for part, speakers, extension in (("train", "0001 0005", "WAV"), ("test", "0024 0096", "opus")):
        tables = {"wav.scp": "", "utt2spk": "", "text": ""}
        for number, speaker in enumerate(speakers.split()):
            folder = root / "WAVE" / f"SPEAKER{speaker}"
            folder.mkdir(parents=True)
            for i in range(2):
                id = f"{speaker}0001{i}"
                samples = np.random.default_rng([number, i, len(part)]).uniform(-0.5, 0.5, 4000)
                opus = {"format": "OGG", "subtype": "OPUS"} if extension == "opus" else {}
                soundfile.write(folder / f"{id}.{extension}", samples, 16000, **opus)
                tables["wav.scp"] += f"{id}\tWAVE/SPEAKER{speaker}/{id}.WAV\n"
                tables["utt2spk"] += f"{id}\t{speaker}\n"
                tables["text"] += f"{id}\tWE CALL IT BEAR\n"
        (root / part).mkdir()
        for name, text in tables.items():
            (root / part / name).write_text(text)
    return root


def test_rows(corpus, tmp_path):
    manifests = prepare_speechocean762(corpus, tmp_path / "out")
    assert set(manifests) == {"train", "test"}
    train = read_manifest(manifests["train"])
    assert [u.id for u in train] == ["000100010", "000100011", "000500010", "000500011"]
    assert {u.speaker for u in train} == {"so762-0001", "so762-0005"}
    assert {u.words for u in train} == {"WE CALL IT BEAR"}
    assert train[0].duration == 0.25


def test_reencoded_audio_is_found_by_its_stem(corpus, tmp_path):
    manifests = prepare_speechocean762(corpus, tmp_path / "out")
    first = read_manifest(manifests["test"])[0]
    assert first.wav == f"{corpus}/WAVE/SPEAKER0024/002400010.opus"


def test_missing_audio_counts_as_bad(corpus, tmp_path):
    (corpus / "WAVE/SPEAKER0001/000100010.WAV").unlink()
    with pytest.raises(UserError, match="1 of 8 .*000100010.WAV .file not found"):
        prepare_speechocean762(corpus, tmp_path / "out")
    manifests = prepare_speechocean762(corpus, tmp_path / "out", max_bad_share=0.2)
    assert len(read_manifest(manifests["train"])) == 3


@pytest.mark.parametrize(
    "table, text, message",
    [
        ("wav.scp", None, "wav.scp"),
        ("utt2spk", "000100010\t0001\n000100011\n", "utt2spk line 2"),
        ("utt2spk", "000100010\tä\n", "utt2spk is not UTF-8"),
        ("utt2spk", "000100010\t0001\n", "utt2spk has no line for 000100011"),
    ],
)
def test_broken_tables_are_named(corpus, tmp_path, table, text, message):
    path = corpus / "train" / table
    path.write_text(text, encoding="latin-1") if text else path.unlink()
    with pytest.raises(UserError, match=message):
        prepare_speechocean762(corpus, tmp_path / "out")


def test_speaker_in_both_parts_is_an_error(corpus, tmp_path):
    table = corpus / "test" / "utt2spk"
    table.write_text(table.read_text().replace("0024\n", "0001\n"))
    with pytest.raises(UserError, match="share 1 speaker: so762-0001"):
        prepare_speechocean762(corpus, tmp_path / "out")
