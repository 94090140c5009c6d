"""One interface for log-mel bands, untrained and pretrained encoders."""

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.audio import read_audio
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.pretrained import load_extractor, untrained_encoder
from mgf_brain.errors import UserError
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.folder.model_names import pretrained_name
from mgf_brain.inference import SpeechEncoder
from mgf_brain.nn.baselines import LogMelFeatures
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.pooling import UtteranceHead
from mgf_brain.nn.speech_model import SpeechModel


@pytest.fixture
def utterances(tmp_path):
    rng, rows = np.random.default_rng(0), []
    for i, seconds in enumerate((1.0, 0.4, 2.0, 0.7)):
        path = tmp_path / f"{i}.wav"
        soundfile.write(path, 0.1 * (1 + i) * rng.standard_normal(int(16000 * seconds)), 16000)
        rows.append(Utterance(f"u{i}", seconds, str(path), f"s{i % 2}"))
    return rows


def small_encoder():
    torch.manual_seed(0)
    speech = SpeechModel(LogMel(16), TransformerEncoder(16, 32, 2, 4, 64, position_kernel=8))
    return SpeechEncoder(speech, 16000)


@pytest.mark.parametrize("encoder", [LogMelFeatures, small_encoder])
def test_states_are_those_of_each_utterance_alone_in_its_order(encoder, utterances):
    extractor = FeatureExtractor(encoder(), "name")
    together = list(extractor.states(utterances))
    for utterance, states in zip(utterances, together, strict=True):
        wav = read_audio(utterance.wav)[None]
        alone, frames = extractor.encoder.encode(wav, torch.tensor([wav.shape[1]]))
        assert states.shape == (int(frames[0]), extractor.num_states, extractor.dim)
        torch.testing.assert_close(states, torch.stack(alone, 2)[0].detach(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("encoder", [LogMelFeatures, small_encoder])
def test_embeddings_keep_the_order_of_the_utterances(encoder, utterances):
    extractor = FeatureExtractor(encoder(), "name")
    together = extractor.embeddings(utterances)
    alone = torch.cat([extractor.embeddings([u]) for u in utterances])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_log_mel_frames_are_normalised_and_the_embedding_keeps_the_level(utterances):
    extractor = FeatureExtractor(LogMelFeatures(), "fbank")
    states = next(extractor.states(utterances[2:]))[:, 0]
    assert states.mean(0).abs().max() < 1e-4
    assert (states.std(0) - 1).abs().max() < 0.05
    means = extractor.embeddings(utterances)[:, :80].mean(1)
    assert means.tolist() == sorted(means.tolist())  # each is louder than the one before


@pytest.mark.parametrize("encoder", [LogMelFeatures, small_encoder])
def test_a_fitted_readout_makes_training_embeddings_standard(encoder, utterances):
    extractor = FeatureExtractor(encoder(), "name")
    raw = extractor.embeddings(utterances)
    extractor.fit_readout(utterances)
    found = extractor.embeddings(utterances)
    assert torch.equal(found, extractor.read_out(utterances))
    torch.testing.assert_close(found.mean(0), torch.zeros(found.shape[1]), atol=1e-3, rtol=0)
    wavs = [read_audio(u.wav)[None] for u in utterances]
    alone = [extractor.encoder.embed(wav, torch.tensor([wav.shape[1]])) for wav in wavs]
    torch.testing.assert_close(found, torch.cat(alone), atol=1e-3, rtol=1e-3)  # padding or not
    block = (raw - raw.mean(0)) / raw.std(0, correction=0) / raw.shape[1] ** 0.5
    torch.testing.assert_close(found[:, : raw.shape[1]], block, atol=1e-3, rtol=1e-3)


def test_an_own_embedding_stays_beside_the_readout(utterances):
    encoder = small_encoder()
    encoder.embedding = UtteranceHead(32, 160, embedding_dim=8)
    extractor = FeatureExtractor(encoder, "name")
    before = extractor.embeddings(utterances)
    extractor.fit_readout(utterances)
    assert torch.equal(extractor.embeddings(utterances), before) and before.shape == (4, 8)
    assert extractor.read_out(utterances).shape == (4, 64 + 160)


def test_untrained_weights_follow_the_seed_and_leave_the_random_state():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, same, other = (
        untrained_encoder("random", "hparams/mgf.yaml", seed) for seed in (1, 1, 2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    wav, length = torch.randn(1, 8000), torch.tensor([8000])
    outputs = [encoder.encode(wav, length)[0][-1] for encoder in (first, same, other)]
    assert torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[0], outputs[2])


def test_too_short_audio_is_named(tmp_path):
    path = tmp_path / "click.wav"
    soundfile.write(path, np.zeros(100), 16000)
    with pytest.raises(UserError, match="click.wav"):
        list(FeatureExtractor(LogMelFeatures(), "fbank").states([Utterance("u", 0.01, path, "s")]))


def test_names_and_unknown_folders(tmp_path):
    assert pretrained_name("/runs/mt4ssl/pretrained/") == "mt4ssl"
    assert pretrained_name("/runs/dino/7/pretrained") == "dino-7"
    with pytest.raises(UserError, match="nowhere"):
        load_extractor(str(tmp_path / "nowhere"), "hparams/mgf.yaml", seed=0)
