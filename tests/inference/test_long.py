"""Long recordings: what is the same as of the whole, what is that of its chunks."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cosine_similarity
from torch.nn.utils.rnn import pad_sequence

from mgf_brain.data.manifest import Utterance
from mgf_brain.features.cache import FeatureCache
from mgf_brain.inference import (
    SpeakerVerifier,
    SpeechEncoder,
    UtteranceClassifier,
    encoder,
    example_encoder,
)
from mgf_brain.nn import baselines, chunks
from mgf_brain.nn.baselines import LayerStatistics, LogMelFeatures
from mgf_brain.nn.interfaces import UtteranceEmbedding
from mgf_brain.nn.masking import lengths_of
from mgf_brain.nn.pooling import (
    AffineEmbedding,
    StandardisedStatistics,
    StatisticsPooling,
    UtteranceHead,
    beside_layers,
    layer_pools,
)
from mgf_brain.nn.probe import Probe

RATE, WHOLE, CHUNK, OVERLAP = 16000, 4.0, 1.6, 0.4


def fitted() -> StandardisedStatistics:
    readout = StandardisedStatistics()
    readout.fit(torch.randn(9, 64), 0.5 + torch.randn(9, 160))
    return readout


EMBEDDINGS = {
    "average": StandardisedStatistics,
    "standardised": lambda: fitted(),
    "layers": LayerStatistics,
    "head": lambda: UtteranceHead(32, 160, embedding_dim=8),
    "affine": lambda: AffineEmbedding(StatisticsPooling(32), 8, colour_dim=160, layer=1),
}


@pytest.fixture(autouse=True)
def seconds_instead_of_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "WHOLE_SECONDS", WHOLE)
    monkeypatch.setattr(encoder, "CHUNK_SECONDS", CHUNK)
    monkeypatch.setattr(encoder, "OVERLAP_SECONDS", OVERLAP)
    monkeypatch.setattr(baselines, "WHOLE_SECONDS", WHOLE)


def make_encoder(embedding: UtteranceEmbedding | None = None) -> SpeechEncoder:
    torch.manual_seed(0)
    tiny = example_encoder()
    return SpeechEncoder(tiny.speech_model, RATE, embedding)


def speech(seconds: float) -> torch.Tensor:
    """Noise whose level and colour change."""
    generator = torch.Generator().manual_seed(round(1000 * seconds))
    wav = 0.1 * torch.randn(round(seconds * RATE), generator=generator)
    return wav * (1.2 + torch.linspace(0, 40, len(wav)).sin())


@pytest.mark.parametrize("seconds", [0.1, 1.6, 1.7, 4.0])
def test_what_is_not_long_is_the_whole_to_the_bit(seconds: float):
    model, wav = make_encoder(), speech(seconds)
    frames, states = model.speech_model(wav[None], lengths_of(wav[None]))
    (found,) = model.represent(wav, RATE)
    assert torch.equal(found.states, torch.cat(states))
    valid = torch.ones(states[0].shape[:2]).bool()
    expected = model.embedder(states, valid, frames.colour)
    assert torch.equal(found.embedding, expected[0])
    assert torch.equal(model.embed(wav[None], lengths_of(wav[None])), expected)


@pytest.mark.parametrize("seconds", [4.001, 4.3, 7.77])
def test_states_of_a_chunk_are_those_of_a_recording_of_its_own(seconds: float):
    model, wav = make_encoder(), speech(seconds)
    (found,) = model.represent(wav, RATE)
    count = (len(wav) - model.window) // model.hop + 1
    assert found.states.shape[1] == count == len(found.times)
    size, overlap = (round(x * RATE / model.hop) for x in (CHUNK, OVERLAP))
    for chunk in chunks.cut_chunks(count, size, overlap):
        last = (chunk.stop - 1) * model.hop + model.window
        (alone,) = model.represent(wav[chunk.start * model.hop : last], RATE)
        kept = alone.states[:, chunk.keep_from - chunk.start :][
            :, : chunk.keep_to - chunk.keep_from
        ]
        assert torch.equal(found.states[:, chunk.keep_from : chunk.keep_to], kept)


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_a_vector_is_pooled_over_all_frames_once(name: str):
    model, wavs = make_encoder(EMBEDDINGS[name]()), speech(7.3)[None]
    with torch.no_grad():
        states, lengths = model.encode(wavs, lengths_of(wavs))
        valid = torch.ones(1, int(lengths)).bool()
        _, colour = model._pooled(layer_pools, wavs, lengths_of(wavs))
        expected = model.embedder(states, valid, colour)
        found = model.embed(wavs, lengths_of(wavs))
        statistics = model.statistics(wavs, lengths_of(wavs))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    (one,) = model.represent(wavs[0], RATE)
    assert torch.equal(one.embedding, found[0])
    together = beside_layers(layer_pools(states, valid), colour)
    torch.testing.assert_close(statistics, together, atol=1e-5, rtol=1e-4)


def test_the_colour_is_that_of_the_whole_but_for_overlaps():
    model, wavs = make_encoder(), speech(7.3)[None]
    whole = model.speech_model.front_end(wavs, lengths_of(wavs)).colour
    _, colour = model._pooled(layer_pools, wavs, lengths_of(wavs))
    torch.testing.assert_close(colour, whole, atol=0.15, rtol=0)
    frames = [model.speech_model.front_end(x, lengths_of(x)) for x in wavs.split(64000, 1)]
    colours, counts = zip(*((one.colour, one.lengths) for one in frames), strict=True)
    shares = torch.stack(counts) / sum(counts)
    joined = model.speech_model.front_end.joined_colour(torch.stack(colours), shares)
    torch.testing.assert_close(joined, whole, atol=5e-3, rtol=0)  # a frame at the cut is lacking


def test_in_a_batch_long_and_short_are_what_they_are_alone():
    model, wavs = make_encoder(), [speech(5.1), speech(0.7), speech(4.2)]
    lengths = torch.tensor([len(wav) for wav in wavs])
    batch = pad_sequence(wavs, True)
    states, frames = model.encode(batch, lengths)
    embeddings, statistics = model.embed(batch, lengths), model.statistics(batch, lengths)
    for row, wav in enumerate(wavs):
        (alone,) = model.represent(wav, RATE)
        joined = torch.stack([x[row, : frames[row]] for x in states])
        torch.testing.assert_close(joined, alone.states, atol=1e-5, rtol=0)
        torch.testing.assert_close(embeddings[row], alone.embedding, atol=1e-5, rtol=1e-4)
        one = model.statistics(wav[None], lengths_of(wav[None]))[0]
        torch.testing.assert_close(statistics[row], one, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("seconds", [3.9, 4.3])
def test_padding_makes_no_recording_long(seconds: float):
    model, wav = make_encoder(), speech(seconds)
    lengths = torch.tensor([len(wav)])
    padded = torch.nn.functional.pad(wav, (0, 2 * RATE))[None]
    (alone,) = model.represent(wav, RATE)
    states, (count,) = model.encode(padded, lengths)
    found = torch.cat(states)[:, :count]
    torch.testing.assert_close(found, alone.states, atol=1e-5, rtol=0)
    torch.testing.assert_close(model.embed(padded, lengths)[0], alone.embedding)


def test_a_long_recording_is_near_to_its_whole(monkeypatch: pytest.MonkeyPatch):
    model, wav = make_encoder(LayerStatistics()), speech(8.0)
    (cut,) = model.represent(wav, RATE)
    monkeypatch.setattr(encoder, "WHOLE_SECONDS", 60.0)
    (whole,) = model.represent(wav, RATE)
    assert not torch.equal(cut.states, whole.states)
    assert cosine_similarity(cut.states, whole.states, dim=-1).median() > 0.9
    assert cosine_similarity(cut.embedding, whole.embedding, dim=0) > 0.98


def test_no_more_than_a_chunk_is_encoded_at_once(monkeypatch: pytest.MonkeyPatch):
    model, seen = make_encoder(), []
    front_end = model.speech_model.front_end
    front_end.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1] / RATE))
    classifier = UtteranceClassifier(model, Probe(3, 2 * 32 + 160, classes=2), ["a", "b"]).eval()
    assert len(classifier.classify(speech(9.0), RATE)) == 2
    verifier = SpeakerVerifier(model, 64)
    assert verifier.score(speech(9.0), speech(9.0), RATE) == pytest.approx(1.0)
    assert len(seen) > 12 and max(seen) <= CHUNK + model.window / RATE


def test_log_mel_bands_of_a_long_recording_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch):
    features, wavs = LogMelFeatures(), pad_sequence([speech(9.0), speech(5.0)], True)
    lengths = torch.tensor([9 * RATE, 5 * RATE])
    cut = features.encode(wavs, lengths)[0][0], features.embed(wavs, lengths)
    monkeypatch.setattr(baselines, "WHOLE_SECONDS", 60.0)
    whole = features.encode(wavs, lengths)[0][0], features.embed(wavs, lengths)
    for one, other in zip(cut, whole, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_features_of_whole_long_recordings_are_not_taken_from_older_caches(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"abc")
    cache = FeatureCache(tmp_path / "cache", "0f")
    short, long = (Utterance("a", t, str(tmp_path / "a.wav"), "s") for t in (150.0, 150.1))
    cache.put(short, torch.zeros(1))
    assert short in cache and long not in cache
