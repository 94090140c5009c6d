"""Training steps of the alternatives, from their PyPI packages, put together as their recipes do.

Each reads files with soundfile, pads, draws its masks, and takes an AdamW step with clipping.
HuBERT's labels are random: making real ones isn't part of a step.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import soundfile
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.shapes import Shape

CLUSTERS = 100  # of the first iteration of HuBERT
# Of `hubert_pretrain_base`, which fixes the sizes; no layer drop, so that all layers are timed.
TORCHAUDIO_BASE = {
    "extractor_conv_bias": False,
    "encoder_projection_dropout": 0.1,
    "encoder_pos_conv_kernel": 128,
    "encoder_pos_conv_groups": 16,
    "encoder_attention_dropout": 0.1,
    "encoder_ff_interm_dropout": 0.0,
    "encoder_dropout": 0.1,
    "encoder_layer_norm_first": False,
    "encoder_layer_drop": 0.0,
    "mask_prob": 0.8,
    "mask_selection": "static",
    "mask_other": 0.0,
    "mask_length": 10,
    "no_mask_overlap": False,
    "mask_min_space": 1,
    "mask_channel_prob": 0.0,
    "mask_channel_selection": "static",
    "mask_channel_other": 0.0,
    "mask_channel_length": 10,
    "no_mask_channel_overlap": False,
    "mask_channel_min_space": 1,
    "skip_masked": False,
    "final_dim": 256,
    "feature_grad_mult": 0.1,
}
Step = tuple[Callable[[], Any], nn.Module]


class Reader:
    """Batches of crops from the beginnings of files, without end: {"id", "sig"} each."""

    def __init__(self, files: list[Path], shape: Shape) -> None:
        self.files, self.shape = itertools.cycle(files), shape

    def samples(self) -> list[dict[str, Any]]:
        """One batch, as SpeechBrain's collate functions want it."""
        count = int(self.shape.seconds * 16000)
        rows = []
        for path in itertools.islice(self.files, self.shape.utterances):
            wav, _ = soundfile.read(path, frames=count, dtype="float32")
            rows.append({"id": path.stem, "sig": torch.from_numpy(wav)})
        return rows

    def wavs(self) -> torch.Tensor:
        """One batch as (B, N)."""
        return torch.stack([row["sig"] for row in self.samples()])


def _trained(modules: nn.Module, loss: Callable[[], torch.Tensor], precision: str) -> Step:
    """The step around a loss, its forward pass in the precision asked for."""
    modules.train()
    optimizer = torch.optim.AdamW(modules.parameters(), lr=1e-4)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(modules.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad()

    return step, modules


def _transformers_sizes(shape: Shape) -> dict[str, Any]:
    return {
        "hidden_size": shape.dim,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.ffn,
        "conv_dim": (min(shape.dim, 512),) * 7,
        "attn_implementation": "sdpa",
        "layerdrop": 0.0,
    }


def transformers_wav2vec2(shape: Shape, files: list[Path], precision: str) -> Step:
    """``Wav2Vec2ForPreTraining`` with the masks and negatives of transformers' example."""
    from transformers import Wav2Vec2Config, Wav2Vec2ForPreTraining
    from transformers.models.wav2vec2.modeling_wav2vec2 import (
        _compute_mask_indices,
        _sample_negative_indices,
    )

    model = Wav2Vec2ForPreTraining(Wav2Vec2Config(**_transformers_sizes(shape)))
    reader = Reader(files, shape)

    def loss() -> torch.Tensor:
        wavs = reader.wavs()
        wavs = (wavs - wavs.mean(1, keepdim=True)) / wavs.std(1, keepdim=True)
        frames = int(model._get_feat_extract_output_lengths(wavs.shape[1]))
        mask = _compute_mask_indices((len(wavs), frames), 0.65, 10)
        negatives = _sample_negative_indices((len(wavs), frames), 100, mask)
        out = model(
            wavs,
            mask_time_indices=torch.from_numpy(mask),
            sampled_negative_indices=torch.from_numpy(negatives),
        )
        return out.loss / mask.sum()

    return _trained(model, loss, precision)


def transformers_hubert(shape: Shape, files: list[Path], precision: str) -> Step:
    """``HubertModel`` with a linear classifier and cross-entropy on masked frames."""
    from transformers import HubertConfig, HubertModel
    from transformers.models.hubert.modeling_hubert import _compute_mask_indices

    model = HubertModel(HubertConfig(**_transformers_sizes(shape)))
    classifier = nn.Linear(shape.dim, CLUSTERS)
    reader = Reader(files, shape)

    def loss() -> torch.Tensor:
        wavs = reader.wavs()
        frames = int(model._get_feat_extract_output_lengths(wavs.shape[1]))
        mask = torch.from_numpy(_compute_mask_indices((len(wavs), frames), 0.65, 10))
        states = model(wavs, mask_time_indices=mask).last_hidden_state
        labels = torch.randint(CLUSTERS, (int(mask.sum()),))
        return F.cross_entropy(classifier(states[mask]), labels)

    return _trained(nn.ModuleList([model, classifier]), loss, precision)


def torchaudio_hubert(shape: Shape, files: list[Path], precision: str) -> Step:
    """``hubert_pretrain_model`` with its cosine logits, of masked frames as the paper trains."""
    from torchaudio.models import hubert_pretrain_model

    width = min(shape.dim, 512)
    model = hubert_pretrain_model(
        extractor_mode="group_norm",
        extractor_conv_layer_config=[(width, 10, 5)] + [(width, 3, 2)] * 4 + [(width, 2, 2)] * 2,
        encoder_embed_dim=shape.dim,
        encoder_num_layers=shape.layers,
        encoder_num_heads=shape.heads,
        encoder_ff_interm_features=shape.ffn,
        num_classes=CLUSTERS,
        skip_nomask=True,  # only masked frames are scored
        **TORCHAUDIO_BASE,
    )
    reader = Reader(files, shape)

    def loss() -> torch.Tensor:
        wavs = reader.wavs()
        labels = torch.randint(CLUSTERS, (len(wavs), (wavs.shape[1] - 400) // 320 + 1))
        masked, _, penalty = model(wavs, labels, torch.full((len(wavs),), wavs.shape[1]))
        return F.cross_entropy(masked, masked.new_zeros(len(masked), dtype=torch.long)) + penalty

    return _trained(model, loss, precision)


def speechbrain_wav2vec2(shape: Shape, files: list[Path], precision: str) -> Step:
    """The modules, masks and losses of SpeechBrain's wav2vec2 recipe."""
    from speechbrain.lobes.models.transformer.Transformer import TransformerEncoder
    from speechbrain.lobes.models.wav2vec import (
        EncoderWrapper,
        W2VLatentExtractor,
        W2VTargetQuantiser,
        sample_negatives,
        w2v_mask_collate_fn,
    )
    from speechbrain.nnet.losses import ContrastiveLoss

    width = min(shape.dim, 512)
    extractor = W2VLatentExtractor(out_channels=[width] * 7)
    encoder = EncoderWrapper(
        width,
        shape.dim,
        TransformerEncoder(
            shape.layers,
            shape.heads,
            shape.ffn,
            d_model=shape.dim,
            dropout=0.1,
            activation=nn.GELU,
            normalize_before=True,
        ),
        dropout_encoder_input=0.1,
    )
    quantiser = W2VTargetQuantiser(in_dim=width, out_dim=256)
    projection, contrastive = nn.Linear(shape.dim, 256), ContrastiveLoss(0.1)
    reader = Reader(files, shape)

    def loss() -> torch.Tensor:
        wavs, lengths, mask = w2v_mask_collate_fn(
            reader.samples(), extractor.get_output_lengths, mask_prob=0.65, mask_length=10
        )
        latents = extractor(F.layer_norm(wavs, wavs.shape[1:]), normalize_signal=False)
        states = encoder(latents, wav_lens=lengths, mask=mask)["embeddings"]
        states = projection(states[mask]).view(len(wavs), -1, 256)
        targets, meta = quantiser(latents[mask].view(len(wavs), -1, width))
        total, _ = contrastive(states, targets, sample_negatives(targets, 100))
        return total / mask.sum() + 0.1 * meta["diversity_loss"]

    return _trained(nn.ModuleList([extractor, encoder, quantiser, projection]), loss, precision)


def speechbrain_bestrq(shape: Shape, files: list[Path], precision: str) -> Step:
    """The modules, masks and loss of SpeechBrain's BEST-RQ recipe: log-mel, Conformer, 40 ms."""
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models.BESTRQ import brq_mask_collate_fn
    from speechbrain.lobes.models.convolution import ConvolutionFrontEnd
    from speechbrain.lobes.models.transformer.TransformerASR import EncoderWrapper, TransformerASR
    from speechbrain.nnet.quantisers import RandomProjectionQuantizer

    features = Fbank(sample_rate=16000, n_fft=400, n_mels=80)
    stem = ConvolutionFrontEnd(
        (8, 10, 80),
        num_blocks=2,
        num_layers_per_block=1,
        out_channels=(128, 32),
        kernel_sizes=(3, 3),
        strides=(2, 2),
        residuals=(False, False),
    )
    encoder = EncoderWrapper(
        TransformerASR(
            tgt_vocab=5000,
            input_size=640,
            d_model=shape.dim,
            nhead=shape.heads,
            num_encoder_layers=shape.layers,
            num_decoder_layers=0,
            d_ffn=shape.ffn,
            activation=nn.GELU,
            conformer_activation=nn.GELU,
            encoder_module="conformer",
            attention_type="RelPosMHAXL",
            normalize_before=True,
            causal=False,
        )
    )
    quantiser = RandomProjectionQuantizer(320, 16, 8192)
    classifier = nn.Linear(shape.dim, 8192)
    reader = Reader(files, shape)

    def loss() -> torch.Tensor:
        wavs, lengths, mask = brq_mask_collate_fn(
            reader.samples(), lambda n: n // 160 + 1, mask_prob=0.15, mask_length=4, n_mels=80
        )
        with torch.no_grad():
            mel = features(wavs)
            mel = (mel - mel.mean(1, keepdim=True)) / (mel.std(1, keepdim=True) + 1e-5)
            mel = F.pad(mel, (0, 0, 0, -mel.shape[1] % 4))  # four frames make one
            places = mask[::4] // 4
            targets = quantiser(mel.reshape(len(mel), -1, 320)[:, places])
            mel[:, mask] = 0.1 * torch.randn(len(mel), len(mask), 80)
        logits = classifier(encoder(stem(mel), lengths))
        return F.cross_entropy(logits[:, places].flatten(0, 1), targets.flatten())

    return _trained(nn.ModuleList([stem, encoder, classifier]), loss, precision)


def shipped_bestrq(shape: Shape, files: list[Path], precision: str) -> Step:
    """BEST-RQ in the width and depth of its recipe's own yaml, on the batches of a shape."""
    sizes = {"dim": 576, "layers": 12, "heads": 8, "ffn": 2048}
    return speechbrain_bestrq(replace(shape, **sizes), files, precision)


PEERS = {
    "transformers Wav2Vec2ForPreTraining": transformers_wav2vec2,
    "transformers HubertModel + CE": transformers_hubert,
    "torchaudio hubert_pretrain_model": torchaudio_hubert,
    "SpeechBrain wav2vec2": speechbrain_wav2vec2,
    "SpeechBrain BEST-RQ": speechbrain_bestrq,
}
OTHER_SIZES = {"SpeechBrain BEST-RQ, as shipped": shipped_bestrq}
