"""SpeechBrain's speaker encoders embed as SpeechBrain does."""

from __future__ import annotations

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.inference.classifiers import EncoderClassifier

from mgf_brain.errors import UserError
from mgf_brain.folder.write import dump_expanded, export_folder
from mgf_brain.foreign.source import open_model
from mgf_brain.foreign.speechbrain import is_speechbrain, speechbrain_parts
from mgf_brain.inference import SpeechEncoder

ECAPA = """
pretrained_path: someone/on-the-hub
features: !new:speechbrain.lobes.features.Fbank {n_mels: 20}
norm: !new:speechbrain.processing.features.InputNormalization {norm_type: sentence, std_norm: false}
embedding: !new:speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN
  input_size: 20
  channels: [16, 16, 16, 16, 48]
  kernel_sizes: [5, 3, 3, 3, 1]
  dilations: [1, 2, 3, 4, 1]
  attention_channels: 8
  lin_neurons: 12
  res2net_scale: 4
  se_channels: 8
classifier: !new:speechbrain.lobes.models.ECAPA_TDNN.Classifier {input_size: 12, out_neurons: 3}
modules:
  compute_features: !ref <features>
  mean_var_norm: !ref <norm>
  embedding_model: !ref <embedding>
  classifier: !ref <classifier>
label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
  loadables: {embedding_model: !ref <embedding>}
  paths: {embedding_model: !ref <pretrained_path>/embedding_model.ckpt}
"""
XVECTOR = """embedding: !new:speechbrain.lobes.models.Xvector.Xvector
  in_channels: 20
  tdnn_blocks: 3
  tdnn_channels: [8, 8, 24]
  tdnn_kernel_sizes: [5, 3, 1]
  tdnn_dilations: [1, 2, 1]
  lin_neurons: 12
"""


def write(folder, xvector: bool = False):
    """A tiny folder with random weights, as training leaves one."""
    text = ECAPA
    if xvector:
        start, end = text.index("embedding: "), text.index("classifier: ")
        text = text[:start] + XVECTOR + text[end:]
    (folder / "hyperparams.yaml").write_text(text)
    torch.manual_seed(0)
    torch.save(load_hyperpyyaml(text)["embedding"].state_dict(), folder / "embedding_model.ckpt")
    overrides = {"pretrained_path": str(folder)}
    return EncoderClassifier.from_hparams(str(folder), savedir=str(folder), overrides=overrides)


@pytest.mark.parametrize("xvector", [False, True])
def test_embeddings_are_speechbrains_alone_and_padded(xvector, tmp_path):
    theirs = write(tmp_path, xvector)
    parts = speechbrain_parts(tmp_path)
    text = dump_expanded(parts.nodes)
    encoder = SpeechEncoder(**load_hyperpyyaml(text))
    encoder.load_state_dict(parts.weights)
    wavs, lengths = 0.1 * torch.randn(2, 16000), torch.tensor([16000, 9000])
    wavs[1, 9000:] = 0
    found, (states, counts) = encoder.embed(wavs, lengths), encoder.encode(wavs, lengths)
    for row, length in enumerate(lengths.tolist()):
        expected = theirs.encode_batch(wavs[row, :length])[0, 0]
        noise = 1e-4 if xvector else 1e-5  # which SpeechBrain adds to means
        torch.testing.assert_close(found[row], expected, atol=noise, rtol=0)
        (alone,), _ = encoder.encode(wavs[row : row + 1, :length], lengths[row : row + 1])
        there = states[0][row, : counts[row]]
        torch.testing.assert_close(there, alone[0], atol=1e-5, rtol=0)
    assert counts.tolist() == [100, 56]
    assert encoder.dim == (24 if xvector else 48)  # what is pooled, no mel bands
    export_folder(tmp_path / "ours", {"speech_model": encoder.speech_model}, text, {}, "# Card\n")
    again = SpeechEncoder.from_pretrained(tmp_path / "ours", trust=True)
    assert torch.equal(again.embed(wavs, lengths), found)
    assert again.represent(wavs[0], 16000)[0].embedding.shape == (12,)


def test_nothing_runs_without_trust(tmp_path):
    write(tmp_path)
    assert is_speechbrain(tmp_path)
    with pytest.raises(UserError, match="which may run any program. Pass --trust"):
        open_model(tmp_path)


def test_what_it_lacks_is_named(tmp_path):
    write(tmp_path)
    path = tmp_path / "hyperparams.yaml"
    path.write_text(path.read_text().replace("  embedding_model: !ref <embedding>\n  cl", "  cl"))
    with pytest.raises(UserError, match="embedding_model"):
        speechbrain_parts(tmp_path)
    (tmp_path / "embedding_model.ckpt").unlink()
    with pytest.raises(UserError, match="no EncoderClassifier"):
        speechbrain_parts(tmp_path)
    assert not is_speechbrain(tmp_path / "nowhere")
