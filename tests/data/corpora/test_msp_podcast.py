"""MSP-Podcast's layout, in miniature."""

import pytest

from mgf_brain.data.corpora.msp_podcast import prepare_msp_podcast
from mgf_brain.data.folds import official_split
from mgf_brain.data.manifest import read_manifest
from mgf_brain.errors import UserError
from tests.data.miniatures import make_msp_podcast


@pytest.fixture
def corpus(tmp_path):
    return make_msp_podcast(tmp_path / "MSP-Podcast")


def parts_of(root, out, **options):
    manifests = prepare_msp_podcast(root, out, workers=1, **options)
    return {part: read_manifest(path) for part, path in manifests.items()}


def edit(root, old, new):
    path = root / "Labels/labels_consensus.csv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_the_official_split(corpus, tmp_path):
    parts = parts_of(corpus, tmp_path / "out")
    assert {part: sorted({u.speaker for u in rows}) for part, rows in parts.items()} == {
        "train": ["msp-30", "msp-39"],
        "dev": ["msp-41"],
        "test1": ["msp-50"],
        "test2": ["msp-50", "msp-51"],
    }
    train, valid, tests = official_split(parts)
    assert (len(train), len(valid), list(tests)) == (8, 4, ["test1", "test2"])


def test_the_papers_classes_or_others(corpus, tmp_path):
    train = parts_of(corpus, tmp_path / "out")["train"]
    assert [u.label for u in train[:4]] == ["anger", "happiness", "sadness", "neutral"]
    two = parts_of(corpus, tmp_path / "two", classes=["neutral", "anger"])["train"]
    assert [u.label for u in two] == ["anger", "neutral"] * 2
    one = parts_of(corpus, tmp_path / "one", classes="neutral")["train"]
    assert {u.label for u in one} == {"neutral"}


def test_all_letters(tmp_path):
    root = make_msp_podcast(tmp_path / "MSP", speakers=[("Train", "1")], emotions="ASHUFDCNOX")
    names = "anger sadness happiness surprise fear disgust contempt neutral other".split()
    rows = parts_of(root, tmp_path / "out", classes=names)["train"]
    assert [u.label for u in rows] == names


def test_unknown_speakers_are_not_trained_on(corpus, tmp_path, caplog):
    train = parts_of(corpus, tmp_path / "out")["train"]
    assert not any("0002_" in u.id for u in train)
    assert "train: 4 utterances of unknown speaker left out" in caplog.text


def test_unknown_speakers_of_other_parts_stay(corpus, tmp_path):
    edit(corpus, ",41,Female,Development", ",Unknown,Unknown,Development")
    edit(corpus, ",51,Female,Test2", ",Unknown,Unknown,Test2")
    parts = parts_of(corpus, tmp_path / "out")
    assert len({u.speaker for u in parts["dev"]}) == len(parts["dev"]) == 4
    assert len(parts["test2"]) == 8
    official_split(parts)


def test_speakers_of_later_parts_are_not_trained_on(corpus, tmp_path, caplog):
    edit(corpus, ",39,Female,Train", ",50,Female,Train")
    parts = parts_of(corpus, tmp_path / "out")
    assert {u.speaker for u in parts["train"]} == {"msp-30"}
    assert "train: 4 utterances of speakers who are in a later part, too" in caplog.text
    official_split(parts)


def test_validation_speakers_are_apart_from_both_sides(corpus, tmp_path, caplog):
    edit(corpus, ",39,Female,Train", ",41,Female,Train")
    edit(corpus, ",51,Female,Test2", ",41,Female,Test2")
    parts = parts_of(corpus, tmp_path / "out")
    assert set(parts) == {"train", "test1", "test2"}  # nobody is left for dev
    assert {u.speaker for u in parts["train"]} == {"msp-30"}
    assert "dev: 4 utterances" in caplog.text
    official_split(parts)


def test_older_releases(corpus, tmp_path):
    edit(corpus, "Development", "Validation")
    (corpus / "Labels/labels_consensus.csv").rename(corpus / "Labels/labels_concensus.csv")
    assert len(parts_of(corpus, tmp_path / "out")["dev"]) == 4


def test_reencoded_and_missing_audio(tmp_path):
    root = make_msp_podcast(tmp_path / "MSP", extension="opus")
    assert parts_of(root, tmp_path / "out")["dev"][0].wav.endswith("_0003_0000.opus")
    (root / "Audios/MSP-PODCAST_0003_0000.opus").unlink()
    with pytest.raises(UserError, match="0003_0000.wav .file not found"):
        prepare_msp_podcast(root, tmp_path / "out")


def test_what_is_wrong_is_named(corpus, tmp_path):
    with pytest.raises(UserError, match="classes: there is no emotion 'joy', only anger"):
        prepare_msp_podcast(corpus, tmp_path / "out", classes=["joy"])
    edit(corpus, "Development", "Devel")
    with pytest.raises(UserError, match="labels_consensus.csv line 17: Split_Set .*'Devel'"):
        prepare_msp_podcast(corpus, tmp_path / "out")
    with pytest.raises(UserError, match="holds no Labels/"):
        prepare_msp_podcast(corpus / "Labels", tmp_path / "out")
