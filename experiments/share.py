#!/usr/bin/env python3
"""Publish models to a hub on this machine, fetch them on an empty home, and use them offline.

> python -m experiments.share --data $DATA --output_folder results/share \
    --encoder results/LibriSpeech/hubert/1986 --waveform results/LibriSpeech/hubert-waveform/1986 \
    --verifier results/speechocean762/verification/hubert-1986-frozen/1986 \
    --emotion results/EmoDB/emotion/hubert-1986-frozen/1986 \
    --asr results/speechocean762/asr/hubert-1986-frozen/1986

The hub is a small server on loopback that speaks the real hub's protocol. Every option is a run's
output folder. After the last ``pull`` the server is gone and the library offline. Each line of the
output is a command as a user would type it, then what it printed; the first that fails ends it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.loopback_hub import TOKEN, running_hub
from mgf_brain.data.preparation.layout import audio_files
from mgf_brain.errors import UserError, run_main

MODELS = ("encoder", "waveform", "verifier", "emotion", "asr")
HOSTILE = "sample_rate: !apply:os.system ['touch {mark}']\nspeech_model: null\n"
CLASSES = """\
from mgf_brain.inference import EmotionClassifier, SpeakerVerifier, SpeechEncoder, SpeechRecognizer
import torch
from mgf_brain.data.audio import read_audio
encoder = SpeechEncoder.from_pretrained("lab/encoder")
wav = read_audio("{a}")[None]
states, frames = encoder.encode(wav, torch.tensor([wav.shape[1]]))
print(len(states), tuple(states[-1].shape), frames.tolist(), encoder.frame_centre(0))
verifier = SpeakerVerifier.from_pretrained("lab/verifier")
print(verifier.score("{a}", "{b}"), verifier.same("{a}", "{b}"))
print(EmotionClassifier.from_pretrained("lab/emotion").classify("{a}")[0])
print(SpeechRecognizer.from_pretrained("lab/asr").transcribe("{a}"))
"""
SPEECHBRAIN = """\
import torch
from speechbrain.inference import EncoderASR, EncoderClassifier, SpeakerRecognition, WaveformEncoder
from mgf_brain.data.audio import read_audio
from mgf_brain.inference import EmotionClassifier, SpeakerVerifier, SpeechEncoder, SpeechRecognizer
wav, whole = read_audio("{a}")[None], torch.ones(1)
theirs = WaveformEncoder.from_hparams("sb-encoder", savedir="sb-1").encode_batch(wav, whole)
ours = SpeechEncoder.from_pretrained("lab/encoder").encode(wav, torch.tensor([wav.shape[1]]))[0]
for x, y in zip(theirs["states"], ours, strict=True):
    torch.testing.assert_close(x, y, atol=1e-5, rtol=0)
print("WaveformEncoder", tuple(theirs["embeddings"].shape))
theirs = SpeakerRecognition.from_hparams("sb-verifier", savedir="sb-2").verify_files("{a}", "{b}")
ours = SpeakerVerifier.from_pretrained("lab/verifier").score("{a}", "{b}")
print("SpeakerRecognition", float(theirs[0]), ours)
assert abs(float(theirs[0]) - ours) < 1e-5
theirs = EncoderClassifier.from_hparams("sb-emotion", savedir="sb-3").classify_batch(wav, whole)
ours = EmotionClassifier.from_pretrained("lab/emotion").classify("{a}")
print("EncoderClassifier", theirs[3], ours)
assert theirs[3] == [ours[0][0]]
theirs = EncoderASR.from_hparams("sb-asr", savedir="sb-4").transcribe_file("{a}")
print("EncoderASR", theirs)
assert theirs == SpeechRecognizer.from_pretrained("lab/asr").transcribe("{a}")
"""
TRANSFORMERS = """\
import torch
from transformers import AutoFeatureExtractor, AutoModel
from mgf_brain.data.audio import read_audio
from mgf_brain.inference import SpeechEncoder
wav = read_audio("{a}")
inputs = AutoFeatureExtractor.from_pretrained("hf-waveform")(
    wav.numpy(), sampling_rate=16000, return_tensors="pt"
)
with torch.no_grad():
    theirs = AutoModel.from_pretrained("hf-waveform")(**inputs, output_hidden_states=True)
ours = SpeechEncoder.from_pretrained("lab/waveform").encode(wav[None], torch.tensor([len(wav)]))[0]
theirs = [*theirs.hidden_states[:-1], theirs.last_hidden_state]
print(max(float((x - y).abs().max()) for x, y in zip(theirs, ours, strict=True)))
"""


def call(words: Sequence[str], home: Path, settings: Mapping[str, str], status: int = 0) -> str:
    """Run a command on the other machine, show what it printed, and return its errors.

    Raises
    ------
    UserError
        If it ends with another status.
    """
    shown = shlex.join(words) if len(words[-1]) < 200 else f"{words[0]} -c '…'"
    print(f"\n$ {shown.replace('python -m mgf_brain.cli', 'mgf-brain')}", flush=True)
    known = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    root = str(Path(__file__).resolve().parents[1])
    done = subprocess.run(
        [sys.executable, *words[1:]],
        cwd=home,
        env={**known, "HF_HOME": str(home / "hf"), "PYTHONPATH": root, **settings},
        capture_output=True,
        text=True,
    )
    print(done.stdout.strip()[-2000:], flush=True)
    if done.returncode != status or status:
        print(done.stderr.strip()[-1500:])
    if done.returncode != status:
        raise UserError(f"the command ended with {done.returncode}, not {status}.")
    return done.stderr


def mgf_brain(*words: str) -> list[str]:
    """The command line, whether or not the script is installed."""
    return ["python", "-m", "mgf_brain.cli", *words]


def publish(folders: Mapping[str, str], home: Path) -> None:
    """Push every model with its owner's token, then pull it without."""
    with running_hub() as hub:
        server = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"}
        for name, folder in folders.items():
            call(mgf_brain("push", folder, f"lab/{name}"), home, {**server, "HF_TOKEN": TOKEN})
        for name in folders:
            call(mgf_brain("pull", f"lab/{name}"), home, server)


def use(home: Path, audio: Sequence[Path], runs: Sequence[str]) -> None:
    """Every command and class, without a network."""
    offline = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
    a, b = (str(path) for path in audio)
    for words in (
        ("info", "lab/encoder"),
        ("embed", str(audio[0].parent), "--model", "lab/encoder", "--output", "embeddings.npz"),
        ("verify", a, b, "--model", "lab/verifier"),
        ("emotion", a, "--model", "lab/emotion"),
        ("transcribe", a, "--model", "lab/asr"),
        ("report", *runs, "--output", "comparison.html"),
        *(
            ("export", "--to", "speechbrain", f"lab/{name}", f"sb-{name}")
            for name in ("encoder", "verifier", "emotion", "asr")
        ),
        ("export", "--to", "transformers", "lab/waveform", "hf-waveform"),
    ):
        call(mgf_brain(*words), home, offline)
    for script in (CLASSES, SPEECHBRAIN, TRANSFORMERS):
        call(["python", "-c", script.format(a=a, b=b)], home, offline)
    hostile, mark = home / "hostile", home / "executed"
    hostile.mkdir()
    (hostile / "hyperparams.yaml").write_text(HOSTILE.format(mark=mark))
    no_weights = (2).to_bytes(8, "little") + b"{}"  # sound: the yaml alone is to be refused
    (hostile / "model.safetensors").write_bytes(no_weights)
    said = call(mgf_brain("info", str(hostile)), home, offline, status=2)
    if mark.exists() or "!apply:os.system is refused" not in said:
        raise UserError("the hostile folder was not refused for its command.")


def main() -> None:
    """Publish and use."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--data", required=True, help="folder of the corpora")
    parser.add_argument(
        "--output_folder", type=Path, required=True, help="the other machine's home"
    )
    for name in MODELS:
        parser.add_argument(f"--{name}", required=True, help="output folder of a run")
    args = parser.parse_args()
    home = args.output_folder.resolve()
    if home.exists() and any(home.iterdir()):
        raise UserError(f"output_folder {home} is not empty. Name a new one.")
    home.mkdir(parents=True, exist_ok=True)
    folders = {name: str(Path(getattr(args, name)).resolve()) for name in MODELS}
    audio = audio_files(Path(args.data, "LibriSpeech", "test-other").resolve(), "data")
    publish(folders, home)
    use(home, audio[:2], [folders["emotion"], folders["verifier"]])
    print("\nEverything worked.")


if __name__ == "__main__":
    run_main(main)
