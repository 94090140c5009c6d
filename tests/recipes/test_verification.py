"""Verification of every corpus: who may be trained on, the scores and what is exported."""

from types import SimpleNamespace

import pytest

from mgf_brain.data.manifest import read_manifest, write_manifest
from mgf_brain.downstream.run import open_run
from mgf_brain.errors import UserError
from mgf_brain.inference import SpeakerVerifier
from mgf_brain.run.recipe import Recipe
from tests.data.miniatures_speech import write_noise
from tests.recipes import corpora
from tests.recipes.exported import check_verifier
from tests.recipes.outcome import finished, refused

pytestmark = pytest.mark.usefixtures("quick")
BRIEF = ("--number_of_epochs", 1)
STATISTICS = "_statistics"  # of every frozen encoder
BACK_ENDS = ("", "_centred", "_snorm", "_plda")


@pytest.mark.parametrize(
    "dataset, options, back_ends",
    [
        ("speechocean762", (), 4),
        ("LibriSpeech", (), 3),  # too few speakers for PLDA
        ("VoxCeleb", (), 3),
        ("speechocean762", ("--adapt", "two_step", "--head_epochs", 1, *BRIEF), 4),
        ("LibriSpeech", ("--pretrained", "xvector", "--adapt", "full", *BRIEF), 3),
        ("speechocean762", ("--pretrained", "random", "--valid_share", 0.3), 3),
        ("LibriSpeech", ("--pretrained", "random"), 3),  # standardised by the training part
        ("LibriSpeech", ("--readout", "statistics"), 3),
    ],
)
def test_verification(run, corpus, pretrained, tmp_path, dataset, options, back_ends):
    out, folder = tmp_path / "out", corpus(dataset)
    words = ["--data_folder", folder, "--output_folder", out, *options]
    words += [] if "--pretrained" in options else ["--pretrained", pretrained]
    words += ["--trials", "O" if dataset == "VoxCeleb" else folder / "trials.txt"]
    found = finished(run("verification", *words, dataset=dataset), out)
    assert list(found["metrics"]) == [
        f"{name}{back_end}"
        for back_end in (*BACK_ENDS[:back_ends], *([] if "--adapt" in options else [STATISTICS]))
        for name in ("eer", "min_dcf", "min_dcf_p05")
    ]
    if (folder / "trials.txt").is_file() and "--valid_share" not in options:
        tuned, scores = "--adapt" in options, found["metrics"]
        assert found["readout"] == ("embedding" if tuned else "statistics")  # it has no own one
        assert tuned or scores["eer"] == scores["eer_statistics"]
        check_verifier(out, folder / "trials.txt", folder, found["metrics"], tuned)
        assert tuned == (found["model"]["parameters"] > 0)


@pytest.mark.parametrize("options", [(), ("--adapt", "two_step", "--head_epochs", 1, *BRIEF)])
def test_verification_with_a_manifest_of_ones_own(run, corpus, pretrained, tmp_path, options):
    out, folder = tmp_path / "out", corpus("Custom")
    other = corpus("LibriSpeech")
    words = ["--pretrained", pretrained, "--trials", other / "trials.txt", *options]
    words += ["--manifest", folder / "speech.csv", "--data_folder", folder, "--list_root", other]
    done = run("verification", *words, "--output_folder", out, dataset="Custom")
    finished(done, out, "eer", "eer_centred", "eer_snorm")


def test_verification_with_more_training_speech(run, corpus, pretrained, tmp_path):
    folder, other, out = corpus("LibriSpeech"), corpus("Custom"), tmp_path / "out"
    words = ["--data_folder", folder, "--trials", folder / "trials.txt"]
    rows = read_manifest(other / "speech.csv", other)
    write_manifest(tmp_path / "more.csv", rows, tmp_path)
    words += ["--pretrained", pretrained, "--adapt", "full", *BRIEF, "--output_folder", out]
    found = finished(run("verification", *words, "--add_manifest", tmp_path / "more.csv"), out)
    assert found["data"]["speakers"] == 4 + len({u.speaker for u in rows})


def test_verification_on_voxceleb_with_a_list_of_ones_own(run, corpus, tmp_path):
    folder, out = corpus("VoxCeleb"), tmp_path / "out"
    names = sorted(path.relative_to(folder) for path in folder.glob("vox1/wav/*/*/*.wav"))
    corpora.write_trials(tmp_path / "own.txt", map(str, names))
    words = ["--pretrained", "fbank", "--data_folder", folder, "--list_root", folder]
    words += ["--trials", tmp_path / "own.txt", "--output_folder", out]
    found = finished(run("verification", *words, dataset="VoxCeleb"), out, "eer")
    assert found["data"]["utterances"] == len(names) > 2


@pytest.mark.parametrize("dataset, speaker", [("LibriSpeech", "101"), ("VoxCeleb", "id10270")])
def test_who_is_tried_does_not_train(run, corpus, tmp_path, dataset, speaker):
    folder, wav = corpus(dataset), write_noise(tmp_path / "more.wav")
    (tmp_path / "more.csv").write_text(f"ID,duration,wav,spk_id\nmore,0.1,{wav},{speaker}\n")
    words = ["--data_folder", folder, "--pretrained", "fbank", "--output_folder", tmp_path / "out"]
    words += ["--trials", "O" if dataset == "VoxCeleb" else folder / "trials.txt"]
    words += ["--add_manifest", tmp_path / "more.csv"]
    refused(run("verification", *words, dataset=dataset), f"speakers train too: {speaker}")


def test_training_files_are_not_tried(run, corpus, tmp_path):
    folder = corpus("LibriSpeech")
    wavs = [path.relative_to(folder) for path in sorted(folder.glob("train-*/*/*/*.flac"))]
    corpora.write_trials(tmp_path / "trials.txt", map(str, wavs[:4]))
    words = ["--data_folder", folder, "--trials", tmp_path / "trials.txt", "--pretrained", "fbank"]
    words += ["--output_folder", tmp_path / "out"]
    refused(run("verification", *words), "is a training utterance")


def test_speech_without_speakers_does_not_train(run, corpus, tmp_path):
    folder, other = corpus("Custom"), corpus("LibriSpeech")
    text = (folder / "speech.csv").read_text().replace(",ben,", ",,")
    (tmp_path / "speech.csv").write_text(text)
    words = ["--manifest", tmp_path / "speech.csv", "--data_folder", folder, "--pretrained"]
    words += ["fbank", "--trials", other / "trials.txt", "--list_root", other]
    words += ["--output_folder", tmp_path / "out"]
    refused(run("verification", *words, dataset="Custom"), "ben0 has no speaker")


def test_an_utterance_is_not_trained_on_twice(run, corpus, tmp_path):
    folder, row = corpus("LibriSpeech"), f"151-7-0000,0.1,{write_noise(tmp_path / 'o.wav')},a"
    (tmp_path / "more.csv").write_text(f"ID,duration,wav,spk_id\n{row}\n")
    words = ["--data_folder", folder, "--trials", folder / "trials.txt", "--pretrained", "fbank"]
    words += ["--add_manifest", tmp_path / "more.csv", "--output_folder", tmp_path / "out"]
    refused(run("verification", *words), "the id 151-7-0000 is both")


def test_without_training_speech_an_untrained_encoder_is_not_standardised(run, corpus, tmp_path):
    words = ["--pretrained", "random", "--trials", corpus("LibriSpeech") / "trials.txt"]
    done = run("verification", *words, "--output_folder", tmp_path / "out", dataset="Custom")
    assert set(finished(done, tmp_path / "out")["metrics"]) == {"eer", "min_dcf", "min_dcf_p05"}
    verifier = SpeakerVerifier.from_pretrained(tmp_path / "out" / "model")
    with pytest.raises(UserError, match="no training part"):
        verifier.same("a.wav", "b.wav")


def test_runs_on_several_lists_have_folders_of_their_own(monkeypatch):
    monkeypatch.setattr("mgf_brain.downstream.run.prepare_output_folder", lambda experiment: None)
    hparams = {"pretrained": "fbank", "adapt": "frozen", "recipe": "VoxCeleb/verification"}
    hparams |= {"data_folder": "corpus", "output_folder": None, "feature_cache": False, "seed": 1}
    experiment = SimpleNamespace(
        hparams=hparams | {"untrained": "hparams/mgf.yaml"}, run_opts={"device": "cpu"}
    )
    experiment.recipe = Recipe("VoxCeleb", "verification")
    open_run(experiment, ("frozen", "full"), "O")
    folder = experiment.hparams["output_folder"]
    assert folder == "results/VoxCeleb/verification/fbank-frozen-O/1"
