"""The script that shares and uses models: all that it calls, in this process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from experiments import share
from mgf_brain.cli.main import load_command, main, make_parser
from mgf_brain.errors import UserError
from tests.cli.conftest import WRITERS, write_verifier
from tests.interchange.test_transformers import write_encoder
from tests.reports.test_comparison import write_run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The other machine's home, with folders in place of what it would have pulled."""
    kinds = {
        "encoder": "SpeechEncoder",
        "emotion": "UtteranceClassifier",
        "asr": "SpeechRecognizer",
    }
    for name, kind in kinds.items():
        WRITERS[kind](tmp_path / "lab" / name)
    write_verifier(tmp_path / "lab" / "verifier", threshold=0.5)
    write_encoder(tmp_path / "lab" / "waveform")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_knows_its_options(tmp_path: Path, monkeypatch):
    done = []

    def call(words, home, settings, status=0):
        if words[1] == "-m":
            make_parser(words[3], load_command(words[3])).parse_args(words[4:])
            done.append(words[3])
        return "!apply:os.system is refused"

    monkeypatch.setattr(share, "call", call)
    share.use(tmp_path, [tmp_path / "a.wav", tmp_path / "b.wav"], ["run"])
    assert {"info", "embed", "verify", "emotion", "transcribe", "report", "export"} == {*done}


@pytest.mark.parametrize("said", ["holds no model", ""])
def test_a_hostile_folder_must_be_refused_for_what_it_names(tmp_path: Path, monkeypatch, said: str):
    monkeypatch.setattr(share, "call", lambda *words, status=0: said)
    with pytest.raises(UserError, match="hostile folder was not refused"):
        share.use(tmp_path, [tmp_path / "a.wav", tmp_path / "b.wav"], ["run"])


@pytest.mark.slow
def test_every_command_and_class_works(home: Path, capsys, monkeypatch):
    pytest.importorskip("transformers")
    done = []

    def call(words, home, settings, status=0):
        capsys.readouterr()
        ended = 0
        if words[1] == "-c":
            exec(words[2], {})
        else:
            try:
                main(words[3:])
            except SystemExit as end:
                ended = end.code
        printed = capsys.readouterr()
        assert ended == status, printed.err
        done.append(words[3] if words[1] == "-m" else "script")
        return printed.err

    rng, audio = np.random.default_rng(0), [home / "wavs" / name for name in ("a.wav", "b.wav")]
    (home / "wavs").mkdir()
    for path in audio:
        soundfile.write(path, 0.1 * rng.normal(size=16000), 16000, subtype="FLOAT")
    runs = [write_run(home / "runs" / name, uar=50.0) for name in ("one", "two")]
    monkeypatch.setattr(share, "call", call)
    share.use(home, audio, [str(run) for run in runs])
    assert done.count("export") == 5 and done.count("script") == 3 and done[-1] == "info"
