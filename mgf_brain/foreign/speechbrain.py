"""SpeechBrain's speaker encoders: a folder with an ``EncoderClassifier``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from mgf_brain.errors import UserError, one_line
from mgf_brain.folder.safe_yaml import read_keys
from mgf_brain.folder.source import YAML_FILE
from mgf_brain.folder.write import new_node
from mgf_brain.foreign.own_class import parts_of
from mgf_brain.foreign.published import Parts

KEYS = {"modules", "pretrainer"}  # that its interfaces ask of a yaml
MODULES = ("compute_features", "mean_var_norm", "embedding_model")
# Modules that pool over time, and which dimension of their input that is.
POOLING = {"AttentiveStatisticsPooling": 2, "StatisticsPooling": 1}
PLACE = "pretrained_path"  # where most yaml files say that the weights are


class ClassifierEncoder(nn.Module):
    """An ``EncoderClassifier`` as ``mgf_brain.nn.OwnModel`` wants it.

    The embedding is that of ``encode_batch``; the states are the frames that it is pooled from, or
    the features if no known module pools them.

    Arguments
    ---------
    folder : str
        Whose yaml is run, whatever it holds.

    Raises
    ------
    UserError
        If the yaml cannot be run, or lacks a module of an ``EncoderClassifier``.

    Example
    -------
    >>> encoder = ClassifierEncoder("spkrec-ecapa-voxceleb")  # doctest: +SKIP
    >>> encoder.embed(torch.randn(1, 16000), torch.tensor([16000])).shape  # doctest: +SKIP
    torch.Size([1, 192])
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        mods: Any = _modules(Path(folder))
        self.features, self.norm, self.embedding = (mods[name] for name in MODULES)
        stft = mods[MODULES[0]].compute_STFT
        self.sample_rate = int(stft.sample_rate)
        self.hop = self.window = int(stft.hop_length)
        self._frames: list[torch.Tensor] = []
        for module in mods[MODULES[2]].modules():
            if (kind := type(module).__name__) in POOLING:
                module.register_forward_pre_hook(self._keep(POOLING[kind]))
                module._get_gauss_noise = _no_noise  # 1e-5, which makes each call another's
                break

    def _keep(self, time: int) -> Any:
        def keep(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            """What the module is about to pool."""
            self._frames.append(inputs[0].movedim(time, 1))  # (B, T, D)

        return keep

    def encode(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, N) samples -> one state (B, T, D), and (B,) frames."""
        _, frames = self._embedded(wavs, lengths)
        return frames, lengths // self.hop

    def embed(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, N) samples -> (B, E)."""
        return self._embedded(wavs, lengths)[0].squeeze(1)

    def _embedded(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 1, E), (B, T, D)."""
        shares = lengths / wavs.shape[1]
        features = self.norm(self.features(wavs), shares)  # (B, T, bands)
        self._frames.clear()
        embedding = self.embedding(features, shares)
        frames = self._frames.pop() if self._frames else features
        return embedding, frames if frames.shape[1] >= features.shape[1] - 1 else features


def is_speechbrain(folder: str | Path) -> bool:
    """Whether a folder is one of SpeechBrain's, which its yaml tells.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "hyperparams.yaml").write_text("modules: {}\\npretrainer: null\\n")
    >>> is_speechbrain(folder)
    True
    """
    path = Path(folder) / YAML_FILE
    return path.is_file() and set(read_keys(path)) >= KEYS


def speechbrain_parts(folder: str | Path) -> Parts:
    """The encoder of a SpeechBrain folder as a ``SpeechEncoder``: its yaml is run.

    Arguments
    ---------
    folder : str or Path
        ``hyperparams.yaml`` and the checkpoints that it names.

    Returns
    -------
    Parts

    Raises
    ------
    UserError
        If it holds no ``EncoderClassifier``.

    Example
    -------
    >>> speechbrain_parts("spkrec-ecapa-voxceleb").nodes["sample_rate"]  # doctest: +SKIP
    16000
    """
    place = str(Path(folder).absolute())
    return parts_of(new_node(ClassifierEncoder, folder=place), ClassifierEncoder(place))


def _modules(folder: Path) -> nn.ModuleDict:
    from speechbrain.inference.classifiers import EncoderClassifier
    from speechbrain.utils.fetching import LocalStrategy

    elsewhere = {PLACE: str(folder)} if PLACE in read_keys(folder / YAML_FILE) else {}
    try:
        made = EncoderClassifier.from_hparams(
            source=str(folder),
            savedir=str(folder),
            overrides=elsewhere,
            local_strategy=LocalStrategy.NO_LINK,
        )
    except Exception as error:  # whatever its yaml names
        raise UserError(f"{folder}: no EncoderClassifier ({one_line(error)}).") from error
    assert made is not None  # None is a download alone
    missing = [name for name in MODULES if name not in made.mods]
    if missing or not hasattr(made.mods["compute_features"], "compute_STFT"):
        raise UserError(f"{folder}: its modules lack {(missing or ['compute_STFT'])[0]}.")
    return made.mods


def _no_noise(shape: torch.Size, device: str = "cpu") -> torch.Tensor:
    return torch.zeros(shape, device=device)
