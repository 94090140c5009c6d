"""What a pretraining's page shows of the model, and how often it is written."""

from __future__ import annotations

import numpy as np
import torch

from mgf_brain.data.batches.speech import SpeechBatch, make_batch
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.masking import SpanMask
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.objectives.cluster_prediction import ClusterPrediction
from mgf_brain.objectives.frame import POWER_FLOOR, FrameReconstruction
from mgf_brain.objectives.system import PretrainingModel
from mgf_brain.pretraining import live
from mgf_brain.pretraining.examples import examples
from mgf_brain.pretraining.live import LivePage


def batch_of(*samples: int) -> SpeechBatch:
    """Noise; crops of two utterances in turn."""
    rng = torch.Generator().manual_seed(0)
    noise = [0.1 * torch.randn(count, generator=rng) for count in samples]
    return make_batch([("ab"[i % 2], i, wav) for i, wav in enumerate(noise)])


def model_of(**objectives) -> PretrainingModel:
    torch.manual_seed(0)
    speech = SpeechModel(LogMel(16), TransformerEncoder(16, 32, 2, 4, 64, position_kernel=8))
    weights = dict.fromkeys(objectives, 1.0)
    return PretrainingModel(speech, objectives, weights, SpanMask(3, 0.5)).eval()


def test_a_perfect_prediction_is_the_spectrum_itself():
    frame = FrameReconstruction(32, 16, 402)
    model, batch = model_of(frame=frame), batch_of(16000, 12000)
    with torch.no_grad():
        encoded = model.encode(batch)
        target = (encoded.frames.power + POWER_FLOOR).log()
        normalised = []
        for row, count in enumerate(encoded.frames.lengths.tolist()):  # a plain loop, in float64
            x = target[row, : 2 * count].double().reshape(count, -1).numpy()
            normalised.append((x - x.mean(0)) / (x.std(0) + 0.1))
        frame._predict = lambda e: torch.stack(
            [
                torch.nn.functional.pad(torch.tensor(x), (0, 0, 0, e.valid.shape[1] - len(x)))
                for x in normalised
            ]
        ).float()
        true, predicted = frame.reconstruct(encoded)
    for row, count in enumerate(encoded.frames.lengths.tolist()):
        kept = slice(2 * count)
        assert np.allclose(true[row, kept], target[row, kept], atol=1e-5)
        assert np.allclose(predicted[row, kept], target[row, kept], atol=1e-3)


def test_two_utterances_are_shown_and_nothing_is_drawn_from_the_training():
    model = model_of(frame=FrameReconstruction(32, 16, 402))
    state = torch.random.get_rng_state()
    ((name, (header, rows)),) = examples(model, batch_of(16000, 16000, 12000, 9000)).items()
    assert torch.equal(state, torch.random.get_rng_state())
    assert name.startswith("frame") and [row[0] for row in rows] == ["a", "b"]
    assert header[1:] == ("input", "masked input", "predicted")
    assert all(str(cell).count("<audio") == 1 for row in rows for cell in row[1:])
    assert len({str(cell) for cell in rows[0][1:]}) == 3


def test_labels_of_masked_frames_stand_over_what_they_are_taken_for():
    clusters = ClusterPrediction(torch.nn.Linear(32, 5), clusters=5)
    model, batch = model_of(clusters=clusters), batch_of(16000, 12000)
    with torch.no_grad():
        named = clusters.classifier(model.encode(batch).states[-1]).argmax(-1)
    batch.tracks["labels"] = named.clone()
    masked = model.encode(batch).mask
    batch.tracks["labels"][0] = (named[0] + 1) % 5  # of the first utterance, all are wrong
    ((_, (_, rows)),) = examples(model, batch).items()
    counts = masked.sum(1).tolist()
    assert rows[0][1] == f"0 of {counts[0]}" and rows[1][1] == f"{counts[1]} of {counts[1]}"
    assert str(rows[0][2]).count("substituted") == counts[0]
    assert "substituted" not in str(rows[1][2])


def test_a_live_page_costs_a_hundredth_of_the_run_at_most(tmp_path, monkeypatch):
    now, spent = [0.0], [0.0]

    def write(folder, running):
        assert running["validation"]["loss"] == 1.0
        now[0] += 3.0
        spent[0] += 3.0

    monkeypatch.setattr(live, "write_pretraining_page", write)
    page = LivePage(tmp_path, lambda metrics: metrics, clock=lambda: now[0])
    for _ in range(1000):
        now[0] += 20.0
        page.update({"loss": 1.0})
    assert 0 < spent[0] <= 0.01 * now[0]
