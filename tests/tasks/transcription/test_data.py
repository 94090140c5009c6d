"""Words of one's own speech, and transcripts that have room in their audio."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.inference.tokens import Tokens
from mgf_brain.nn.baselines import LogMelFeatures
from mgf_brain.nn.ctc_head import CTCHead, least_slots, slots_of
from mgf_brain.tasks.transcription.data import leave_out_long, report_unseen, with_words
from tests.faults.outcome import result_or_line
from tests.small_runs import speaker_encoder

EXTRACTORS = {
    "fbank": lambda: FeatureExtractor(LogMelFeatures(), "fbank"),
    "tiny": lambda: FeatureExtractor(speaker_encoder(), "tiny"),
}


def rows(*seconds: float) -> list[Utterance]:
    return [Utterance(f"u{i}", s, f"/{i}.wav", "s") for i, s in enumerate(seconds)]


@pytest.mark.parametrize("name", EXTRACTORS)
def test_slots_are_those_of_the_head(name: str):
    extractor = EXTRACTORS[name]()
    head = CTCHead(extractor.num_states, extractor.dim, extractor.hop, tokens=3).eval()
    for samples in (extractor.window, 4000, 4801, 16000, 16079):
        states, lengths = extractor.encoder.encode(torch.zeros(1, samples), torch.tensor([samples]))
        _, slots = head(torch.stack(states, dim=2), lengths)
        assert slots.item() == slots_of(samples, extractor.window, extractor.hop)


@pytest.mark.parametrize("seed", range(20))
def test_a_transcript_has_a_path_where_there_are_as_many_slots(seed: int):
    draw = torch.Generator().manual_seed(seed)
    tokens = torch.randint(1, 3, (6,), generator=draw)
    least = least_slots(tokens.tolist())
    for slots in (least - 1, least):
        scores = torch.randn(slots, 1, 3, generator=draw).log_softmax(-1)
        loss = F.ctc_loss(scores, tokens[None], torch.tensor([slots]), torch.tensor([6]))
        assert bool(loss.isfinite()) == (slots == least)


def test_transcripts_without_room_are_left_out_up_to_a_share(caplog: pytest.LogCaptureFixture):
    extractor, tokens = EXTRACTORS["fbank"](), Tokens("AB")
    texts = {"u0": "AB", "u1": "AB" * 30, "u2": "A" * 26}  # 52 slots a second
    utterances = rows(1.0, 1.0, 1.0)
    kept = leave_out_long(utterances, texts, tokens, extractor, max_bad_share=0.7)
    assert [u.id for u in kept] == ["u0"]
    assert "2 of 3 training transcripts are longer" in caplog.text
    with pytest.raises(UserError, match="1 of 1 training"):
        leave_out_long(utterances[1:2], texts, tokens, extractor, max_bad_share=1.0)
    with pytest.raises(UserError, match="u1 .1.00 s: 50 slots, 60 needed.*--max_bad_share"):
        leave_out_long(utterances, texts, tokens, extractor, max_bad_share=0.5)


@pytest.mark.parametrize("seconds, text", [(1.0, "AB" * 25), (0.5, "AAAA"), (0.02, "A")])
def test_what_fits_stays(seconds: float, text: str):
    utterances = rows(seconds)
    slots = slots_of(round(16000 * seconds), 400, 160)
    fits = least_slots(Tokens("AB").encode(text)) <= slots
    made = result_or_line(
        leave_out_long, utterances, {"u0": text}, Tokens("AB"), EXTRACTORS["fbank"](), 1.0
    )
    assert (made == utterances) == fits


def test_no_sample_is_lost_to_rounding():
    """The last one, of a length whose seconds are a little less, makes a slot of its own."""
    samples, extractor, tokens = 129_040, EXTRACTORS["fbank"](), Tokens("AB")
    slots = slots_of(samples, extractor.window, extractor.hop)
    texts, utterances = {"u0": ("AB" * slots)[:slots]}, rows(samples / 16000)
    assert leave_out_long(utterances, texts, tokens, extractor, max_bad_share=0.0) == utterances


def test_utterances_without_words_are_counted(caplog: pytest.LogCaptureFixture):
    texts = ("ÉTÉ", "…", None, "你")
    made = [Utterance(f"u{i}", 1.0, "/a.wav", "s", words) for i, words in enumerate(texts)]
    assert [u.id for u in with_words(made)] == ["u0", "u3"]
    assert "2 of 4 utterances have no words and are left out, such as u1" in caplog.text


def test_what_the_test_alone_has_is_said_once(caplog: pytest.LogCaptureFixture):
    report_unseen(["AA B", "B"], ["ZH AA", "ZH"], " ")
    report_unseen(["AB"], ["BA"])
    (message,) = caplog.messages
    assert "'ZH' 2" in message
