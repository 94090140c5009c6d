"""Tiny models of every family that transformers has, with weights far from their initial ones.

> python -m tests.foreign.families

prints how far our states are from transformers'.
"""

from __future__ import annotations

import pytest
import torch

from experiments import parity
from mgf_brain.foreign.published import Published
from mgf_brain.foreign.wrapped import wrapped_parts

LENGTHS = torch.tensor([8000, 5432, 1200])
EXTRACTOR = {"do_normalize": True, "sampling_rate": 16000}
SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
LARGE = {
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
GROUP = {
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 4,
}
LAYER = {**GROUP, "feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True}
SEW = {"conv_dim": [8] * 13, "num_conv_pos_embedding_groups": 4}
FEW = {"num_conv_pos_embeddings": 3, "conv_pos_kernel_size": 5}  # data2vec's positions
CONFIGS = {
    "hubert": [{**SMALL, **GROUP}, {**LARGE, **LAYER}],
    "wav2vec2": [{**SMALL, **GROUP}, {**LARGE, **LAYER, "adapter_attn_dim": 8}],  # MMS
    "wavlm": [{**SMALL, **GROUP}, {**LARGE, **LAYER}],
    "unispeech": [{**SMALL, **GROUP}, {**LARGE, **LAYER}],
    "unispeech-sat": [{**SMALL, **GROUP}, {**LARGE, **LAYER}],
    "data2vec-audio": [{**SMALL, **GROUP, **FEW}, {**LARGE, **LAYER, **FEW}],
    "wav2vec2-conformer": [
        {**SMALL, **GROUP, "position_embeddings_type": "relative"},
        {**LARGE, **LAYER, "position_embeddings_type": "rotary"},
    ],
    "wav2vec2-bert": [SMALL, {**LARGE, "position_embeddings_type": "relative"}],
    "sew": [{**SMALL, **SEW}, {**LARGE, **SEW, "squeeze_factor": 3, "feat_extract_norm": "layer"}],
    "whisper": [
        {
            "d_model": size["hidden_size"],
            "encoder_layers": size["num_hidden_layers"],
            "encoder_attention_heads": size["num_attention_heads"],
            "encoder_ffn_dim": size["intermediate_size"],
            "max_source_positions": 50,
            "num_mel_bins": bands,
        }
        for size, bands in ((SMALL, 80), (LARGE, 128))
    ],
}
CASES = [(family, size) for family in CONFIGS for size in (0, 1)]


def model_of(family: str, size: int = 0) -> torch.nn.Module:
    """transformers' own, in evaluation mode."""
    transformers = pytest.importorskip("transformers")
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    config = transformers.AutoConfig.for_model(family, **CONFIGS[family][size])
    torch.manual_seed(size)
    whisper = family == "whisper"
    model = WhisperEncoder(config) if whisper else transformers.AutoModel.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        for name, buffer in model.named_buffers():
            if name.endswith("running_var"):  # what batch norm has learnt
                buffer.uniform_(0.5, 2.0)
    return model.eval()


def published(family: str, size: int = 0) -> tuple[Published, torch.nn.Module]:
    """What a reader yields of a random model, and the model."""
    model = model_of(family, size)
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    return Published(model.config.to_dict(), dict(EXTRACTOR), weights), model


def noise(level: float = 0.05) -> torch.Tensor:
    """(3, 8000), 0 at padding, away from a mean of 0."""
    wavs = level * (torch.randn(3, 8000, generator=torch.Generator().manual_seed(1)) + 0.3)
    return wavs * (torch.arange(8000) < LENGTHS[:, None])


def their_states(family: str, model: torch.nn.Module, wav: torch.Tensor) -> list[torch.Tensor]:
    """What transformers makes of one waveform, by its own feature extractor."""
    import transformers

    kinds = {
        "whisper": lambda: transformers.WhisperFeatureExtractor(
            feature_size=model.config.num_mel_bins, chunk_length=1
        ),
        "wav2vec2-bert": transformers.SeamlessM4TFeatureExtractor,
    }
    usual = lambda: transformers.Wav2Vec2FeatureExtractor(do_normalize=True)  # noqa: E731
    inputs = kinds.get(family, usual)()(wav.numpy(), sampling_rate=16000, return_tensors="pt")
    with torch.no_grad():
        made = model(**inputs, output_hidden_states=True)
    if family == "sew":
        return list(made.hidden_states)
    return [*made.hidden_states[:-1], made.last_hidden_state]


def main() -> None:
    """Print the largest differences of models that transformers computes, Markdown."""
    print("| family, by transformers' own network | from transformers | in a batch |")
    print("|---|---:|---:|")
    for family, size in CASES:
        made, theirs = published(family, size)
        ours = parity.built(wrapped_parts(made))
        wavs = [wav[:length] for wav, length in zip(noise(), LENGTHS, strict=True)]
        alone = [parity.our_states(ours, [wav])[0] for wav in wavs]
        expected = [[x[0] for x in their_states(family, theirs, wav)] for wav in wavs]
        # Whisper's silence and a half frame of w2v-BERT are left out; tests look at the counts.
        shown = [
            [x[: len(y)] for x, y in zip(*pair, strict=True)]
            for pair in zip(expected, alone, strict=True)
        ]
        figures = [
            max(map(parity.difference, shown, alone)),
            max(map(parity.difference, alone, parity.our_states(ours, wavs))),
        ]
        print(f"| {family}, {('small', 'larger')[size]} | {figures[0]:.1e} | {figures[1]:.1e} |")


if __name__ == "__main__":
    main()
