#!/usr/bin/env python3
"""How far the states of published architectures are here from transformers' own: a table.

> python -m experiments.parity

Every family in two sizes, with each norm that it has, with random weights: as they are drawn, and
extreme ones three times as large. Utterances of three lengths go through transformers one by one,
as it takes padding into the statistics of a group norm, and here one by one and in one batch. A
difference is the largest of a layer by the largest value of that layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from mgf_brain.errors import run_main
from mgf_brain.foreign.published import Parts, Published
from mgf_brain.foreign.source import ForeignModel
from mgf_brain.foreign.transformers import encoder_names
from mgf_brain.foreign.wav2vec2 import native_parts
from mgf_brain.inference import SpeechEncoder

LENGTHS = (12000, 7321, 400)  # samples; the last is one frame
SCALES = (1.0, 3.0)  # of the weights

# model_type and how transformers' classes begin.
FAMILIES = {
    "wav2vec2": "Wav2Vec2",
    "hubert": "Hubert",
    "wavlm": "WavLM",
    "unispeech": "UniSpeech",
    "unispeech-sat": "UniSpeechSat",
    "data2vec-audio": "Data2VecAudio",
}
SIZES: dict[str, dict[str, Any]] = {
    "small": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "conv_dim": [16] * 7,
        "num_conv_pos_embedding_groups": 4,
    },
    "medium": {
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
        "intermediate_size": 128,
        "conv_dim": [24, 32, 32, 32, 32, 48, 48],
        "num_conv_pos_embedding_groups": 16,
        "layer_norm_eps": 1e-3,
    },
}
# Of the small models, so that short utterances reach all of it: kernels, WavLM's far buckets.
OWN_SMALL: dict[str, dict[str, Any]] = {
    "wavlm": {"num_buckets": 16, "max_bucket_distance": 20, "num_conv_pos_embeddings": 7},
    "data2vec-audio": {"num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 4},
}


class Case(NamedTuple):
    """One configuration."""

    family: str
    size: str
    norm: str = "layer"  # of the convolutions
    pre_norm: bool = False  # of the layers

    def config(self) -> dict[str, Any]:
        """What config.json holds beside ``model_type``."""
        own = {"num_conv_pos_embeddings": 8} | OWN_SMALL.get(self.family, {})
        config = SIZES[self.size] | (own if self.size == "small" else {})
        if self.family == "data2vec-audio":
            return config
        variant = {"feat_extract_norm": self.norm, "conv_bias": self.norm == "layer"}
        return config | variant | {"do_stable_layer_norm": self.pre_norm}


def cases() -> Iterator[Case]:
    """All configurations that are compared."""
    for family, size in product(FAMILIES, SIZES):
        if family == "data2vec-audio":  # has one kind of either
            yield Case(family, size)
            continue
        for norm, pre_norm in product(("layer", "group"), (False, True)):
            yield Case(family, size, norm, pre_norm)


def random_model(case: Case, scale: float) -> nn.Module:
    """Transformers' model with random weights, norms and biases."""
    import transformers

    stem = FAMILIES[case.family]
    torch.manual_seed(0)
    model = getattr(transformers, f"{stem}Model")(
        getattr(transformers, f"{stem}Config")(**case.config())
    )
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() > 1:
                p.copy_(scale * torch.randn_like(p) * (len(p) / p.numel()) ** 0.5)
            else:
                p += 0.3 * scale * torch.randn_like(p)
    return model.eval()


def published(model: Any, do_normalize: bool = True) -> Published:
    """What a reader makes of the model's folder."""
    config = model.config.to_dict()
    state = model.state_dict()
    places = encoder_names(state, config["model_type"])
    weights = {places[name]: tensor for name, tensor in state.items() if name in places}
    return Published(config, {"do_normalize": do_normalize}, weights)


def built(parts: Parts | None) -> nn.Module:
    """The model as whoever names it gets it."""
    assert parts is not None
    source = ForeignModel(Path("published"), "published", "a model", lambda: parts)
    return SpeechEncoder.from_pretrained(source).speech_model


def noise() -> list[torch.Tensor]:
    """Utterances of all lengths, away from a mean of 0."""
    generator = torch.Generator().manual_seed(1)
    return [0.1 * torch.randn(length, generator=generator) + 0.02 for length in LENGTHS]


@torch.no_grad()
def their_states(model: Any, wav: torch.Tensor, do_normalize: bool = True) -> list[torch.Tensor]:
    """Of one utterance, as its feature extractor and its model make them: L of (T, D)."""
    from transformers import Wav2Vec2FeatureExtractor

    extractor = Wav2Vec2FeatureExtractor(do_normalize=do_normalize)
    inputs = extractor(wav.numpy(), sampling_rate=16000, return_tensors="pt")
    made = model(**inputs, output_hidden_states=True)
    return [state[0] for state in (*made.hidden_states[:-1], made.last_hidden_state)]


@torch.no_grad()
def our_states(model: nn.Module, wavs: list[torch.Tensor]) -> list[list[torch.Tensor]]:
    """Of utterances in one batch, cut to their frames: each L of (T, D)."""
    lengths = torch.tensor([len(wav) for wav in wavs])
    frames, states = model(pad_sequence(wavs, batch_first=True), lengths)
    counts = frames.lengths.tolist()
    return [[state[row, :count] for state in states] for row, count in enumerate(counts)]


def difference(expected: list[torch.Tensor], states: list[torch.Tensor]) -> float:
    """The largest of all layers, by the largest value of the layer."""
    assert [x.shape for x in expected] == [x.shape for x in states]
    pairs = zip(expected, states, strict=True)
    return max(((a - b).abs().max() / a.abs().max()).item() for a, b in pairs)


def compare(case: Case, scale: float) -> dict[str, float]:
    """Largest differences: from transformers, and between alone and in a batch."""
    theirs = random_model(case, scale)
    ours, wavs = built(native_parts(published(theirs))), noise()
    alone = [our_states(ours, [wav])[0] for wav in wavs]
    rows = list(zip([their_states(theirs, wav) for wav in wavs], alone, strict=True))
    together = zip(alone, our_states(ours, wavs), strict=True)
    return {
        "from transformers": max(difference(*pair) for pair in rows),
        "alone, in a batch": max(difference(*pair) for pair in together),
    }


def main() -> None:
    """Print the table, Markdown."""
    print("| family | size | convolutions | layers | weights | from transformers | in a batch |")
    print("|---|---|---|---|---|---|---|")
    for case, scale in product(cases(), SCALES):
        found = compare(case, scale)
        norms = f"{case.norm} norm | {'pre' if case.pre_norm else 'post'}-norm"
        figures = " | ".join(f"{value:.1e}" for value in found.values())
        print(f"| {case.family} | {case.size} | {norms} | x {scale:g} | {figures} |")


if __name__ == "__main__":
    run_main(main)
