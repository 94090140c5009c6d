"""``mgf-brain manifest``: a manifest of a folder of recordings, or one line and no file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from mgf_brain.data.corpora.own import prepare_own
from mgf_brain.data.manifest import read_manifest


def write_noise(path: Path, seed: int, seconds: float = 0.5) -> None:
    """A recording of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.1 * np.random.default_rng(seed).normal(size=int(16000 * seconds)).clip(-5, 5)
    soundfile.write(path, samples, 16000)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Two speakers' folders of two moods each, and a table of them."""
    monkeypatch.chdir(tmp_path)
    lines = ["file\tmood\twho\twords\tpart"]
    for number, speaker in enumerate(("anna", "bert")):
        for i, mood in enumerate(("calm", "angry")):
            write_noise(Path(f"speech/{speaker}/{speaker}_{mood}.wav"), 2 * number + i)
            part = ("train", "test")[number]
            lines.append(f"{speaker}_{mood}.mp3\t{mood}\t{speaker}\tYES  NO\t{part}")
    Path("table.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path


TABLE = ["--labels", "table.tsv", "--id", "file"]
ALL = [*TABLE, "--label", "mood", "--speaker", "who", "--fold", "part", "--transcripts", "words"]


def rows(*words, run):
    """The rows that a command leaves."""
    done = run("manifest", "speech", *words, "--output", "own.csv")
    assert done.status == 0, done.err
    return {u.id: u for u in read_manifest("own.csv")}


def test_the_folder_alone_gives_recordings_that_are_speakers_of_their_own(own, run):
    made = rows(run=run)
    assert list(made) == ["anna/anna_angry", "anna/anna_calm", "bert/bert_angry", "bert/bert_calm"]
    assert all(u.speaker == id and u.duration == 0.5 for id, u in made.items())
    assert made["anna/anna_calm"].wav == str(own / "speech/anna/anna_calm.wav")


def test_columns_patterns_and_texts_say_the_same(own, run):
    of_table = rows(*ALL, run=run)
    for path in Path("speech").rglob("*.wav"):
        path.with_suffix(".txt").write_text("YES\n NO\n")
    patterns = ["--speaker", "([^/]+)/", "--label", "_([a-z]+)", "--transcripts", ".txt"]
    of_names = rows(*patterns, run=run)
    assert {id: (u.speaker, u.label) for id, u in of_names.items()} == {
        id: (u.speaker, u.label) for id, u in of_table.items()
    }
    assert {u.words for u in [*of_table.values(), *of_names.values()]} == {"YES NO"}
    Path("list.txt").write_text("".join(f"{id} YES NO\n" for id in of_names))
    of_list = rows("--transcripts", "list.txt", run=run)
    done = run("manifest", "speech", "--transcripts", "list.txt", "--output", "own.csv")
    assert "4 of 4 recordings with a transcript; none is of the fold test" in done.out
    assert {u.words for u in of_list.values()} == {"YES NO"}


def test_recipes_read_what_was_written(own, run):
    rows(*ALL, run=run)
    made = prepare_own("own.csv", None, "save", columns=("spk_id", "label", "wrd", "fold"))
    assert len(read_manifest(made["train"])) == 4


def test_what_was_found_and_what_can_follow_is_said(own, run):
    write_noise(Path("speech/anna/short.wav"), 9, seconds=0.01)
    write_noise(Path("speech/bert/copy.wav"), 0)
    write_noise(Path("speech/bert/bert_calm.flac"), 8)
    Path("table.tsv").open("a").write("lost.wav\tcalm\tanna\tNO\ttrain\n")
    for name in ("short", "copy"):
        Path("table.tsv").open("a").write(f"{name}\t\tanna\t\ttrain\n")
    done = run("manifest", "speech", *ALL, "--output", "own.csv")
    lines = done.out.splitlines()
    assert lines[0] == "4 recordings, 0.00 h, 2 speakers"
    assert "2 labels: angry 2, calm 2" in lines and "2 folds: train 2, test 2" in lines
    assert "4 of 4 recordings with a transcript" in lines
    assert "left out, there in another format: 1: bert/bert_calm.wav" in lines
    assert "left out, shorter than 55 ms: 1: anna/short" in lines
    assert "left out, the same audio as another: 1: bert/copy" in lines
    assert "named, but not there: 1: lost.wav" in lines
    words = "--manifest own.csv --pretrained mgf-mini"
    assert lines[-3:] == [
        f"next: mgf-brain run Custom/emotion emotion.yaml {words}",
        f"      mgf-brain run Custom/asr asr.yaml {words}",
        "      mgf-brain run Custom/pretrain mgf.yaml --manifest own.csv",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--labels", "no.tsv", "--label", "mood"], "--labels: file not found: no.tsv"),
        (["--labels", "table.tsv", "--label", "mood"], "lacks the column ID. Its header is: file"),
        ([*TABLE, "--label", "mod"], "no column of --labels (file, mood, who, words, part) and"),
        (TABLE, "none of its columns is named. Pass --label"),
        (
            ["--labels", "table.tsv", "--id", "mood", "--label", "who"],
            "names no recording of speech",
        ),
        (["--speaker", "[a-z]+"], "--speaker [a-z]+: no pattern with a group"),
        (["--speaker", "([a-z"], "no regular expression"),
        (["--speaker", "([0-9]+)"], "in no path, such as anna/anna_angry.wav"),
        (["--transcripts", ".lab"], "beside no recording is such a file"),
        (["--transcripts", "nothing"], "no suffix such as .txt, and no file"),
        (["--transcripts", "speech"], "no suffix such as .txt, and no file"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(own, run, words, message):
    done = run("manifest", "speech", *words, "--output", "own.csv")
    assert done.status == 2 and message in done.err and done.err.count("\n") == 1, done.err
    assert sorted(path.name for path in own.iterdir()) == ["speech", "table.tsv"]


def test_two_rows_or_two_recordings_of_a_name_are_refused(own, run):
    with Path("table.tsv").open("a") as file:
        file.write("anna/anna_calm.wav\tcalm\tanna\tNO\ttrain\n")
    done = run("manifest", "speech", *ALL, "--output", "own.csv")
    assert "table.tsv line 6: anna/anna_calm.wav comes twice" in done.err
    write_noise(Path("speech/again/anna_calm.wav"), 7)
    done = run("manifest", "speech", *ALL, "--output", "own.csv")
    assert "anna_calm.mp3 is the name of several recordings: again/anna_calm, anna/" in done.err
    assert not Path("own.csv").exists()


def test_another_file_is_never_replaced_and_a_manifest_is(own, run):
    Path("other.csv").write_text("name,mood\n")
    done = run("manifest", "speech", "--output", "other.csv")
    assert done.status == 2 and "exists and is no manifest" in done.err
    assert Path("other.csv").read_text() == "name,mood\n"
    rows(run=run)
    assert rows("--label", "_([a-z]+)", run=run)["anna/anna_calm"].label == "calm"


def test_nothing_usable_is_an_error(own, run):
    for path in Path("speech").rglob("*.wav"):
        path.write_bytes(b"no audio")
    done = run("manifest", "speech", "--output", "own.csv")
    assert done.status == 2 and "no recording can be used (unreadable" in done.err
    assert not Path("own.csv").exists()
