"""What frames are clustered by: MFCC, or the states of a pretrained encoder's layer.

Either has ``hop`` and ``window`` (samples), ``dim``, ``fingerprint()`` and ``of(utterances)``,
which yields the features (T, D) of each utterance in the order given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from torchaudio.functional import compute_deltas
from torchaudio.transforms import MFCC

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.patience import read_patiently
from mgf_brain.errors import UserError
from mgf_brain.features.extractor import BATCH_SECONDS, cut_batches
from mgf_brain.features.fingerprint import encoder_fingerprint
from mgf_brain.inference import SpeechEncoder
from mgf_brain.nn.masking import valid_frames
from mgf_brain.spectrum import frame_count, normalise_frames

CEPSTRA = 13


class MfccFeatures:
    """13 cepstra every 10 ms with first and second differences (Hsu et al. 2021, section IV.A).

    Arguments
    ---------
    normalise : bool
        Bring each to zero mean and unit deviation over the utterance, which takes most of the voice
        and the channel out of the clusters.

    Example
    -------
    >>> MfccFeatures()(torch.randn(2, 16000), torch.tensor([16000, 8000])).shape
    torch.Size([2, 98, 39])
    """

    hop, window, dim = SAMPLE_RATE // 100, SAMPLE_RATE * 25 // 1000, 3 * CEPSTRA

    def __init__(self, normalise: bool = True) -> None:
        self.normalise = normalise
        spectrum = {"n_fft": self.window, "hop_length": self.hop, "n_mels": 40, "center": False}
        # In decibels, torchaudio would cut all that lies 80 below the loudest of the batch.
        self.cepstra = MFCC(SAMPLE_RATE, CEPSTRA, log_mels=True, melkwargs=spectrum)

    def fingerprint(self) -> str:
        """What the features depend on beside the audio."""
        return f"MFCC {CEPSTRA} {self.normalise} {torch.__version__}"

    def __call__(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, N) -> (B, T, 39), 0 at padding."""
        counts = frame_count(lengths, self.window, self.hop)
        x = _hold_last(self.cepstra(wavs), counts)  # (B, 13, T)
        first = _hold_last(compute_deltas(x), counts)
        x = torch.cat([x, first, compute_deltas(first)], dim=1).transpose(1, 2)
        valid = valid_frames(counts, x.shape[1])
        return normalise_frames(x, valid, 1e-5) if self.normalise else x * valid[..., None]

    def of(self, utterances: Sequence[Utterance]) -> Iterator[torch.Tensor]:
        """Features of each utterance, (T, 39), in their order."""
        for wavs, lengths in read_batches(utterances):
            counts = frame_count(lengths, self.window, self.hop)
            yield from (x[:n] for x, n in zip(self(wavs, lengths), counts, strict=True))


def _hold_last(x: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """The last valid frame in place of all padding, as differences see it: (B, C, T), (B,)."""
    index = torch.arange(x.shape[2]).minimum(counts[:, None] - 1).clamp(min=0)  # (B, T)
    return x.gather(2, index[:, None].expand_as(x))


class LayerFeatures:
    """States of one layer of a pretrained encoder.

    Arguments
    ---------
    encoder : SpeechEncoder
    layer : int
        From 0, the input of the first layer; negative ones count from the top.
    device : str
        Where it runs.

    Raises
    ------
    UserError
        If there is no such layer.

    Example
    -------
    >>> from mgf_brain.inference.encoder import example_encoder
    >>> LayerFeatures(example_encoder(layers=2), layer=9)
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: targets_layer 9: the pretrained encoder has states -3 to 2.
    """

    def __init__(self, encoder: SpeechEncoder, layer: int, device: str = "cpu") -> None:
        if not -encoder.num_states <= layer < encoder.num_states:
            last = encoder.num_states - 1
            raise UserError(
                f"targets_layer {layer}: the pretrained encoder has states {-last - 1} to {last}."
            )
        self.encoder, self.layer, self.device = encoder.to(device), layer, device
        self.hop, self.window, self.dim = encoder.hop, encoder.window, encoder.dim

    def fingerprint(self) -> str:
        """What the features depend on beside the audio."""
        return encoder_fingerprint(self.encoder, f"layer {self.layer}")

    @torch.no_grad()
    def of(self, utterances: Sequence[Utterance]) -> Iterator[torch.Tensor]:
        """States of each utterance, (T, D), in their order."""
        for wavs, lengths in read_batches(utterances):
            states, frames = self.encoder.encode(wavs.to(self.device), lengths.to(self.device))
            states = states[self.layer].float().cpu()
            yield from (x[:n].clone() for x, n in zip(states, frames, strict=True))


def read_batches(utterances: Sequence[Utterance]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Whole utterances as batches in the order given: waveforms (B, N) and lengths (B,).

    Example
    -------
    >>> import soundfile
    >>> rows = [Utterance(id, 0.5, str(getfixture("tmp_path") / f"{id}.wav"), "s") for id in "ab"]
    >>> for row, samples in zip(rows, (8000, 4000), strict=True):
    ...     soundfile.write(row.wav, torch.zeros(samples).numpy(), SAMPLE_RATE)
    >>> ((wavs, lengths),) = read_batches(rows)
    >>> wavs.shape, lengths.tolist()
    (torch.Size([2, 8000]), [8000, 4000])
    """
    with ThreadPoolExecutor() as pool:  # decoding releases the interpreter's lock
        for batch in cut_batches(utterances, BATCH_SECONDS):
            wavs = list(pool.map(lambda u: read_patiently(u.wav), batch))
            yield pad_sequence(wavs, batch_first=True), torch.tensor([len(wav) for wav in wavs])


def at_hop(x: torch.Tensor, source: tuple[int, int], target: tuple[int, int]) -> torch.Tensor:
    """Features at a longer hop: the mean of each one's own windows, from inside it.

    Arguments
    ---------
    x : torch.Tensor
        (T, D).
    source, target : tuple of int
        Hop and window in samples, before and after; the new hop is a multiple of the old one.
        A window that begins at the next new hop or later is the next one's.

    Returns
    -------
    torch.Tensor
        (T', D), the whole windows of the new frames within what the old ones cover: where those
        end up to a hop before the last sample, a frame fewer than an encoder may have.

    Example
    -------
    >>> at_hop(torch.arange(9.0)[:, None], (160, 400), (640, 880)).flatten().tolist()
    [1.5, 5.5]
    >>> at_hop(torch.arange(9.0)[:, None], (160, 400), (320, 400)).flatten().tolist()
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    samples = source[1] + source[0] * (len(x) - 1)
    times = target[0] // source[0]  # frames from one to the next
    inside = max(1, min(times, (target[1] - source[1]) // source[0] + 1))
    frames = frame_count(samples, target[1], target[0])
    x = F.pad(x.T[None], (0, max(0, frames * times - len(x))), mode="replicate")[0].T
    return x[: frames * times].unflatten(0, (frames, times))[:, :inside].mean(1)
