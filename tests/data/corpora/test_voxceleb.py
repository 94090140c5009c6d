"""VoxCeleb's layouts in miniature, and which lists a training part leaves unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgf_brain.data.corpora.voxceleb import (
    TEST_SPEAKERS,
    list_root,
    prepare_voxceleb,
    trial_list,
    tried_speakers,
)
from mgf_brain.data.labels.trials import read_trials
from mgf_brain.data.manifest import read_manifest
from mgf_brain.data.preparation.trimming import prepare_trimmed
from mgf_brain.errors import UserError
from tests.data.miniatures_speech import (
    VIDEO,
    VOX1_DEV,
    VOX1_TEST,
    VOX2,
    make_voxceleb1,
    make_voxceleb2,
    write_noise,
    write_text,
)

O_LIST = f"1 id10270/{VIDEO}/00001.wav id10270/{VIDEO}/00001.wav\n" + (
    f"0 id10270/{VIDEO}/00001.wav id10309/{VIDEO}/00001.wav\n"
)
E_LIST = O_LIST + f"0 id10001/{VIDEO}/00001.wav id10309/{VIDEO}/00001.wav\n"


@pytest.fixture
def both(tmp_path: Path) -> Path:
    make_voxceleb1(tmp_path / "both" / "vox1")
    make_voxceleb2(tmp_path / "both" / "vox2")
    return tmp_path / "both"


def speakers(manifest: Path) -> set[str]:
    return {u.speaker for u in read_manifest(manifest)}


@pytest.mark.parametrize(
    "train_on, train, test",
    [
        ("vox2", VOX2, VOX1_DEV + VOX1_TEST),
        ("vox1", VOX1_DEV, VOX1_TEST),
        ("all", VOX1_DEV + VOX2, VOX1_TEST),
    ],
)
def test_speakers_of_the_parts(both, tmp_path, train_on, train, test):
    manifests = prepare_voxceleb(both, tmp_path / "out", train_on=train_on)
    assert speakers(manifests["train"]) == set(train)
    assert speakers(manifests["test"]) == set(test)


def test_rows(both, tmp_path):
    rows = read_manifest(prepare_voxceleb(both, tmp_path / "out")["train"])
    assert [u.id for u in rows] == [f"{speaker}-{VIDEO}-00001" for speaker in VOX2]
    assert rows[0].wav == f"{both}/vox2/dev/aac/id00012/{VIDEO}/00001.wav"
    assert rows[0].duration == 0.1


def test_without_silence_it_is_the_same_corpus(both, tmp_path):
    """What ``--remove_silence`` writes can be prepared like the original."""
    prepare_trimmed(prepare_voxceleb, both, tmp_path / "trimmed", train_on="all")
    for part in ("train", "test"):
        manifests = [
            prepare_voxceleb(folder, tmp_path / name, train_on="all")[part]
            for folder, name in ((both, "a"), (tmp_path / "trimmed/audio", "b"))
        ]
        before, after = ([u.id for u in read_manifest(path)] for path in manifests)
        assert before == after


def test_the_forty_speakers():
    assert len(TEST_SPEAKERS) == 40
    assert {min(TEST_SPEAKERS), max(TEST_SPEAKERS)} == {"id10270", "id10309"}


def test_other_audio_and_other_files(tmp_path):
    root = make_voxceleb2(tmp_path / "vox2", "flac")
    folder = root / "dev" / "aac" / "id00012" / VIDEO
    write_noise(folder / "00002.opus")
    write_noise(folder / "00001.wav")  # the same utterance again
    write_text(folder / "00002.m4a", "AAC")  # and again, as it was before it was converted
    write_text(folder / "00001.txt", "face track")
    manifests = prepare_voxceleb(root, tmp_path / "out")
    assert set(manifests) == {"train"}
    assert len(read_manifest(manifests["train"])) == 3


def test_unconverted_audio_is_named(tmp_path, monkeypatch):
    make_voxceleb2(tmp_path / "vox2", "m4a")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="m4a needs ffmpeg: install ffmpeg, or convert it to wav"):
        prepare_voxceleb(tmp_path / "vox2", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_to_train_on(tmp_path):
    make_voxceleb1(tmp_path / "vox1")
    with pytest.raises(UserError, match="no audio to train on.*vox1.*or change train_on"):
        prepare_voxceleb(tmp_path / "vox1", tmp_path / "out")
    with pytest.raises(UserError, match="train_on: expected one of vox2, vox1, all"):
        prepare_voxceleb(tmp_path / "vox1", tmp_path / "out", train_on="vox3")


def test_lists_by_name(both):
    first = write_text(both / "vox1" / "meta" / "veri_test.txt", O_LIST)
    assert trial_list(both, "O") == first
    cleaned = write_text(both / "vox1" / "meta" / "veri_test2.txt", O_LIST)
    assert trial_list(both, "o") == cleaned
    hard = write_text(both / "list_test_hard2.txt", E_LIST)
    assert trial_list(both, "H") == hard
    with pytest.raises(UserError, match="list_test_all2.txt is not in.*Download https.*all2.txt"):
        trial_list(both, "E")
    with pytest.raises(UserError, match="expected O, E, H or a list's path, got 'S'"):
        trial_list(both, "S")


def test_a_list_of_ones_own_by_its_path(both, tmp_path):
    own = write_text(tmp_path / "own.txt", O_LIST.replace("id10", "wav/id10"))
    assert trial_list(both, own) == own
    assert tried_speakers(own) == tried_speakers(write_text(tmp_path / "O.txt", O_LIST)) != set()


def test_paths_of_the_lists_are_found_in_one_folder(both, tmp_path):
    root = list_root(both, tmp_path / "links")
    assert root == both / "vox1" / "wav"
    assert not (tmp_path / "links").exists()
    assert len(read_trials(write_text(tmp_path / "E.txt", E_LIST), root).utterances) == 3


def test_paths_of_the_lists_are_found_across_folders(tmp_path):
    trials = write_text(tmp_path / "E.txt", E_LIST)
    corpus = make_voxceleb1(tmp_path / "here", dev="dev/wav", test="test/wav")
    root = list_root(corpus, tmp_path / "links")
    assert len(read_trials(trials, root).utterances) == 3
    corpus = corpus.rename(tmp_path / "there")
    root = list_root(corpus, tmp_path / "links")
    assert len(read_trials(trials, root).utterances) == 3


def test_no_voxceleb1(tmp_path):
    make_voxceleb2(tmp_path / "vox2")
    with pytest.raises(UserError, match="no speaker of VoxCeleb1"):
        list_root(tmp_path / "vox2", tmp_path / "links")


@pytest.mark.parametrize("train_on, seen", [("vox2", ""), ("vox1", "id10001"), ("all", "id10001")])
def test_which_lists_try_training_speakers(both, tmp_path, train_on, seen):
    train = read_manifest(prepare_voxceleb(both, tmp_path / "out", train_on=train_on)["train"])
    speakers = {u.speaker for u in train}
    assert not tried_speakers(write_text(tmp_path / "O.txt", O_LIST)) & speakers
    assert tried_speakers(write_text(tmp_path / "E.txt", E_LIST)) & speakers == set(seen.split())


def test_a_list_that_does_not_say_who_is_tried_is_refused(tmp_path: Path):
    own = write_text(tmp_path / "own.txt", "1 id10270/a/1.wav clips/id10001-b.wav\n")
    with pytest.raises(UserError, match="own.txt line 1: clips/id10001-b.wav is in no folder"):
        tried_speakers(own)
