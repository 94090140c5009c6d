"""How the folders beside this file were made: at commit d22e542, before any file had moved.

They are tiny models as recipes of that commit leave them, which later versions must load with the
same outputs. To make more, check that commit out, copy this file into it, and run there

    python -m tests.folder.older.make <folder>

``run/`` is what ``pretrain.py dino.yaml --optimizer_step_limit 2`` left there, ``resumed.json``
what that code logged when it went on to 4 steps; ``fingerprints.json`` holds its
``encoder_fingerprint(model, "states")`` of each folder.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from mgf_brain import inference
from tests.conftest import _corpus
from tests.data.miniatures import make_emodb, make_voicebank
from tests.recipes.corpora import make_librispeech, make_speechocean762
from tests.tiny_yaml import write_tiny_yaml

SAMPLES = 8000  # of the input, half a second
STEPS = 4
KINDS = {
    "mgf": "SpeechEncoder",
    "mgf_waveform": "SpeechEncoder",
    "dino": "SpeechEncoder",
    "progre": "SpeechEncoder",
    "verification": "SpeakerVerifier",
    "xvector": "SpeakerVerifier",
    "ecapa": "SpeakerVerifier",
    "lresnet34": "SpeakerVerifier",
    "random": "SpeakerVerifier",
    "emotion": "EmotionClassifier",
    "emotion_fbank": "EmotionClassifier",
    "recognition": "SpeechRecognizer",
    "enhancement": "Enhancer",
}
NARROW = {  # files of hparams, so that a folder has some 100 kB
    "front_end/logmel": {"dim: 256": "dim: 32"},
    "front_end/waveform": {"dim: 512": "dim: 32", "[512, 512]": "[32, 32]"},
    "progre": {"channels: 256": "channels: 16", "attention: 256": "attention: 16"},
    "network/xvector": {
        "channels: 512": "channels: 16",
        "dim: 1500": "dim: 32",
        "g_dim: 512": "g_dim: 24",
    },
    "network/ecapa": {
        "channels: 512": "channels: 16",
        "dim: 1536": "dim: 32",
        "squeeze: 128": "squeeze: 8",
        "attention: 128": "attention: 8",
        "g_dim: 192": "g_dim: 24",
    },
    "network/lresnet34": {
        "[16, 32, 64, 128]": "[2, 4, 4, 8]",
        "[3, 4, 6, 3]": "[1, 1, 1, 1]",
        "dim: 1280": "dim: 80",
        "g_dim: 256": "g_dim: 24",
    },
}


def cpu() -> str:
    """What decides which kernels torch runs: equal here, results are equal to the bit."""
    with open("/proc/cpuinfo", encoding="utf-8") as stream:
        flags = next(line for line in stream if line.startswith("flags"))
    kept = sorted(flag for flag in flags.split() if flag.startswith(("avx", "amx", "fma")))
    return f"torch {torch.__version__}, {' '.join(kept)}"


def outputs(name: str, folder: Path, wav: torch.Tensor) -> dict[str, torch.Tensor]:
    """What a model makes of a waveform (samples,) at 16 kHz: tensors by name."""
    torch.set_num_threads(1)
    model = getattr(inference, KINDS[name]).from_pretrained(folder)
    encoder = model if KINDS[name] == "SpeechEncoder" else model.encoder
    with torch.no_grad():
        lengths = torch.tensor([len(wav)])
        states, _ = encoder.encode(wav[None], lengths)
        found = {f"state{i}": state for i, state in enumerate(states)}
        if KINDS[name] == "SpeechEncoder":
            found["embedding"] = model.represent(wav, 16000)[0].embedding
        elif KINDS[name] == "SpeakerVerifier":
            found["embedding"] = model.embed(wav, 16000)
        elif KINDS[name] == "EmotionClassifier":
            scores = dict(model.classify(wav, 16000))
            found["scores"] = torch.tensor([scores[label] for label in model.labels])
        elif KINDS[name] == "SpeechRecognizer":
            found["log_probabilities"] = model.log_probabilities(wav[None])
        else:
            found["enhanced"] = model.enhance(wav, 16000)
    return {key: value.contiguous() for key, value in found.items()}


def run(script: str, *words: object) -> None:
    """A recipe, as a user starts it."""
    command = [sys.executable, f"recipes/{script}.py", *map(str, words)]
    subprocess.run(command, check=True)


def pretrain(folder: Path, name: str, system: str, *words: object) -> Path:
    """The ``pretrained/`` of a run of some steps."""
    out = folder / f"run-{name}"
    common = ("--data_folder", folder / "noise", "--output_folder", out, "--valid_share", 0.2)
    run("LibriSpeech/pretrain", folder / f"hparams/{system}.yaml", *common, *words)
    return out / "pretrained"


def train(folder: Path, name: str, task: str, yaml: str, data: Path, *words: object) -> Path:
    """The ``model/`` of a downstream run of one epoch."""
    out = folder / f"run-{name}"
    common = ("--data_folder", data, "--output_folder", out, "--untrained")
    untrained = folder / "hparams/mgf.yaml"
    run(task, folder / f"hparams/{yaml}.yaml", *common, untrained, *words)
    return out / "model"


def make_all(folder: Path) -> dict[str, Path]:
    """Every folder, by its name."""
    write_tiny_yaml(folder / "hparams", STEPS)
    _narrow(folder / "hparams")
    _corpus(folder / "noise")
    speech = make_librispeech(folder / "LibriSpeech")
    readers = make_speechocean762(folder / "speechocean762")
    emodb, noisy = make_emodb(folder / "EmoDB"), make_voicebank(folder / "VoiceBank")
    waveform = ("--front_end", "waveform")
    made = {
        "mgf": pretrain(folder, "mgf", "mgf"),
        "mgf_waveform": pretrain(folder, "mgf_waveform", "mgf", *waveform),
        "dino": pretrain(folder, "dino", "dino"),
        "progre": pretrain(folder, "progre", "progre", "--clusters", 8, "--speakers", 4),
    }
    brief = ("--number_of_epochs", 1)
    mgf = ("--pretrained", made["mgf"])
    trials = ("--trials", speech / "trials.txt")
    verify = ("LibriSpeech/verification", "verification", speech)
    emotion = ("EmoDB/emotion", "emotion", emodb)
    made["verification"] = train(folder, "verification", *verify, *trials, *mgf)
    for network in ("xvector", "ecapa", "lresnet34"):
        words = ("--pretrained", network, "--adapt", "full", *brief)
        made[network] = train(folder, network, *verify, *trials, *words)
    made["random"] = train(folder, "random", *verify, *trials, "--pretrained", "random")
    made["emotion"] = train(folder, "emotion", *emotion, *mgf, *brief)
    fbank = ("--pretrained", "fbank")
    made["emotion_fbank"] = train(folder, "emotion_fbank", *emotion, *fbank, *brief)
    asr = ("speechocean762/asr", "asr", readers, "--hidden", 32)
    made["recognition"] = train(folder, "recognition", *asr, *mgf, *brief)
    small = ("--hidden", 8, "--head_layers", 1, *brief)
    enhance = ("VoiceBank/enhancement", "enhancement", noisy)
    made["enhancement"] = train(folder, "enhancement", *enhance, *mgf, *small)
    return made


def _narrow(folder: Path) -> None:
    for name, changes in NARROW.items():
        path = folder / f"{name}.yaml"
        text = path.read_text()
        for old, new in changes.items():
            assert old in text, (name, old)
            text = text.replace(old, new)
        path.write_text(text)


def main(target: Path) -> None:
    """Copy the folders to ``target``, each with its outputs for one waveform."""
    target.mkdir(parents=True, exist_ok=True)
    wav = 0.1 * torch.randn(SAMPLES, generator=torch.Generator().manual_seed(0))
    save_file({"wav": wav}, target / "input.safetensors")
    with tempfile.TemporaryDirectory() as folder:
        for name, model in make_all(Path(folder)).items():
            shutil.rmtree(target / name, ignore_errors=True)
            shutil.copytree(model, target / name)
            save_file(outputs(name, model, wav), target / name / "outputs.safetensors")
    # What SpeechBrain loads names modules of ours too.
    words = ("export", "--to", "speechbrain", target / "verification", target / "for_speechbrain")
    subprocess.run([sys.executable, "-m", "mgf_brain.cli", *map(str, words)], check=True)
    (target / "made_with.json").write_text(json.dumps({"cpu": cpu()}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
