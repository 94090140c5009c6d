"""Waveform augmentation: speed, reverberation and noise, every draw from the utterance's key.

The arithmetic is torchaudio's. SpeechBrain's ``AddNoise``, ``AddReverb`` and ``SpeedPerturb`` are
not used: they draw from the process's running random stream and data loaders, so that a resumed
run, or one with other workers or batches, draws otherwise; a batch shares one speed, one room and
one place in the noise; and their convolution is circular, the end of an utterance echoes in its
beginning.
"""

from __future__ import annotations

import functools
import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile
import torch
from scipy.fft import next_fast_len
from torchaudio.functional import add_noise, fftconvolve, resample, speed

from mgf_brain.data.audio import AUDIO_EXTENSIONS, SAMPLE_RATE, AudioCache, probe, read_audio
from mgf_brain.errors import UserError
from mgf_brain.keyed_random import uniform

# Of an utterance's key; 0 draws masks, 1 negatives, 2 crops, 3 perturbations of spectra.
SPEED_STREAM, REVERB_STREAM, NOISE_STREAM = 4, 5, 6

Range = tuple[float, float]


class Recordings:
    """Files from which pieces are read; the shortest are decoded once and stay in memory.

    Which files stay is settled at the start, from their lengths: what a piece sounds like must not
    depend on what was read before. Each data loader's worker has a memory of its own.

    Arguments
    ---------
    paths : sequence of Path
        Audio of any rate.
    cache_mb : float
        Memory in MB, 2 bytes a sample.

    Example
    -------
    >>> path = getfixture("tmp_path") / "hum.wav"
    >>> soundfile.write(path, torch.full((100,), 0.25).numpy(), SAMPLE_RATE)
    >>> Recordings([path], cache_mb=1.0).piece(0, samples=250, place=0.5).shape
    torch.Size([250])
    """

    def __init__(self, paths: Sequence[Path], cache_mb: float) -> None:
        lengths = {path: round(probe(path).duration * SAMPLE_RATE) for path in paths}
        self.paths = [path for path in paths if lengths[path]]
        self.numbers = {os.path.realpath(path): i for i, path in enumerate(self.paths)}
        self.lengths, self.cache, self.kept = lengths, AudioCache(), set()
        room = cache_mb * 1e6
        for path in sorted(self.paths, key=lengths.__getitem__):
            room -= 2 * lengths[path]
            if room >= 0:
                self.kept.add(path)

    def __len__(self) -> int:
        """Files that hold something."""
        return len(self.paths)

    def piece(self, index: int, samples: int, place: float) -> torch.Tensor:
        """A piece of a file, which is repeated if it is too short.

        Arguments
        ---------
        index : int
            Of the file.
        samples : int
            Length of the piece.
        place : float
            Where it begins, from 0 to 1, among all places where it fits.

        Returns
        -------
        torch.Tensor
            (samples,) float32.
        """
        path = self.paths[index]
        start = int(place * (max(0, self.lengths[path] - samples) + 1))
        read = self.cache if path in self.kept else read_audio
        wav = read(path, start=start, frames=samples)
        if not len(wav):  # the file is shorter than its header says
            return torch.zeros(samples)
        return wav.repeat(-(-samples // len(wav)))[:samples]


@dataclass(frozen=True)
class Noise:
    """A kind of noise: its recordings, how loud they are and how many sound at once."""

    recordings: Recordings
    snr: Range  # dB, of each recording by itself
    count: tuple[int, int]


class WaveformAugmentation:
    """Change an utterance's speed, put it into a room and add noise.

    Folders of noise have MUSAN's layout (Snyder et al. 2015, arXiv 1510.08484) or any other: what
    lies below ``music`` and ``speech`` is music and babble, all else noise. One kind is drawn, each
    as likely as the others. The ranges are those of Kaldi's x-vector recipe (Snyder et al. 2018);
    as there, every voice of the babble has an SNR of its own, so that seven together are 8.5 dB
    louder than one.

    Folders of impulse responses have RIRS_NOISES' layout (Ko et al. 2017) or any other; files
    with "noise" in their name are left out, since RIRS_NOISES holds point-source and isotropic
    noises beside its responses. Of several channels the first is taken.

    Arguments
    ---------
    noise_folder, reverb_folder : str or os.PathLike, optional
        None adds none.
    babble_folder : str or os.PathLike, optional
        Speech for the babble; default ``speech`` in the noise folder.
    noise_snr, music_snr, babble_snr : tuple of float
        Lowest and highest signal-to-noise ratio in dB, drawn uniformly.
    babble_speakers : tuple of int
        Fewest and most recordings of speech in a babble.
    noise_probability, reverb_probability : float
        Share of the utterances that get one.
    speeds : sequence of float
        One is drawn; (0.9, 1.0, 1.1) are customary (Ko et al. 2015). Above 1 is faster, shorter
        and higher. To a speaker recogniser a changed speed is another speaker.
    cache_mb : float
        Memory for the shortest recordings of each kind, in each process; longer ones are read
        piece by piece.

    Raises
    ------
    UserError
        If a folder is missing or holds no audio, or a range is impossible.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> soundfile.write(folder / "hum.wav", torch.rand(8000).numpy(), SAMPLE_RATE)
    >>> augment = WaveformAugmentation(folder, noise_probability=1.0, speeds=(1.1,))
    >>> wav = torch.randn(16000)
    >>> torch.equal(augment(wav, key=5), augment(wav, key=5)), len(augment(wav, key=5))
    (True, 14546)
    """

    def __init__(
        self,
        noise_folder: str | os.PathLike | None = None,
        reverb_folder: str | os.PathLike | None = None,
        babble_folder: str | os.PathLike | None = None,
        noise_snr: Range = (0.0, 15.0),
        music_snr: Range = (5.0, 15.0),
        babble_snr: Range = (13.0, 20.0),
        babble_speakers: tuple[int, int] = (3, 7),
        noise_probability: float = 0.5,
        reverb_probability: float = 0.5,
        speeds: Sequence[float] = (1.0,),
        cache_mb: float = 300.0,
    ) -> None:
        snrs = {"noise_snr": noise_snr, "music_snr": music_snr, "babble_snr": babble_snr}
        for key, snr in snrs.items():
            _check_range(key, snr)
        _check_range("babble_speakers", babble_speakers, lowest=1)
        _check_range("speeds", sorted(speeds), lowest=0.1)
        self.noise_probability, self.reverb_probability = noise_probability, reverb_probability
        self.speeds, self.most_voices = tuple(speeds), babble_speakers[1]
        files = _noise_files(noise_folder) if noise_folder else {}
        if babble_folder:
            files["speech"] = _audio_files(babble_folder, "babble_folder")
        settings = {
            "noise": (noise_snr, (1, 1)),
            "music": (music_snr, (1, 1)),
            "speech": (babble_snr, tuple(babble_speakers)),
        }
        kinds = [Noise(Recordings(files[k], cache_mb), *settings[k]) for k in files if files[k]]
        self.noises = [kind for kind in kinds if len(kind.recordings)]
        found = _audio_files(reverb_folder, "reverb_folder") if reverb_folder else []
        self.responses = [path for path in found if "noise" not in path.name]

    def __call__(
        self, wav: torch.Tensor, key: int, path: str | os.PathLike | None = None
    ) -> torch.Tensor:
        """Augment an utterance.

        Arguments
        ---------
        wav : torch.Tensor
            (N,) float32 at 16 kHz.
        key : int
            Of (seed, epoch, utterance), see ``mgf_brain.keyed_random.make_key``.
        path : str or os.PathLike, optional
            The utterance's own file, which then is no part of its babble.

        Returns
        -------
        torch.Tensor
            (N,), N / speed if the speed changes. Sums are not clipped and may pass 1.
        """
        [draw] = _draws(key, SPEED_STREAM, 1)
        factor = self.speeds[int(draw * len(self.speeds))]
        wav = wav if factor == 1 else speed(wav, SAMPLE_RATE, factor)[0]
        return self._add_noise(self._reverberate(wav, key), key, path)

    def _reverberate(self, wav: torch.Tensor, key: int) -> torch.Tensor:
        whether, which = _draws(key, REVERB_STREAM, 2)
        if not self.responses or whether >= self.reverb_probability:
            return wav
        return reverberate(wav, _read_response(self.responses[int(which * len(self.responses))]))

    def _add_noise(
        self, wav: torch.Tensor, key: int, path: str | os.PathLike | None
    ) -> torch.Tensor:
        whether, kind, count, *draws = _draws(key, NOISE_STREAM, 3 + 3 * self.most_voices)
        if not self.noises or whether >= self.noise_probability:
            return wav
        noise = self.noises[int(kind * len(self.noises))]
        fewest, most = noise.count
        number = fewest + int(count * (most - fewest + 1))
        which, places, loudness = (draws[i::3][:number] for i in range(3))
        recordings = noise.recordings
        own = recordings.numbers.get(os.path.realpath(path)) if path else None
        chosen = _distinct(which, len(recordings), own)  # fewer if there are not so many
        pieces = [recordings.piece(i, len(wav), u) for i, u in zip(chosen, places, strict=False)]
        low, high = noise.snr
        return mix(wav, pieces, [low + (high - low) * draw for draw in loudness])


def mix(wav: torch.Tensor, noises: Sequence[torch.Tensor], snrs: Sequence[float]) -> torch.Tensor:
    """Add noises, each at its own signal-to-noise ratio.

    Arguments
    ---------
    wav : torch.Tensor
        (N,).
    noises : sequence of torch.Tensor
        (N,) each; silent ones, and all if the signal is silent, add nothing.
    snrs : sequence of float
        In dB, over the whole length.

    Returns
    -------
    torch.Tensor
        (N,).

    Example
    -------
    >>> mix(torch.tensor([1.0, -1.0]), [torch.tensor([4.0, 4.0]), torch.zeros(2)], [20.0, 20.0])
    tensor([ 1.1000, -0.9000])
    """
    # torchaudio divides by the energy of the noise.
    audible = [i for i, noise in enumerate(noises) if noise.square().sum() > 0]
    if not audible or wav.square().sum() == 0:
        return wav
    stacked = torch.stack([noises[i] for i in audible])  # (K, N)
    noisy = add_noise(wav.expand_as(stacked), stacked, torch.tensor([snrs[i] for i in audible]))
    return noisy.sum(0) - (len(audible) - 1) * wav


def reverberate(wav: torch.Tensor, response: torch.Tensor) -> torch.Tensor:
    """The utterance as heard in a room, as loud and at the same time as before.

    Arguments
    ---------
    wav : torch.Tensor
        (N,).
    response : torch.Tensor
        (M,) the room's impulse response; its largest value, taken as the direct sound, becomes
        time 0, so that labels by frame stay in place.

    Returns
    -------
    torch.Tensor
        (N,), of the same energy.

    Example
    -------
    >>> reverberate(torch.tensor([0.0, 1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 2.0, 0.0])).round()
    tensor([0., 1., 0., 0.])
    """
    peak = int(response.abs().argmax())
    response = response / response[peak].abs().clamp(min=1e-30)
    samples = len(wav) + len(response) - 1  # of the FFT: six times faster if without large factors
    spare = next_fast_len(samples, real=True) - samples
    wet = fftconvolve(wav, torch.nn.functional.pad(response, (0, spare)))[peak : peak + len(wav)]
    energy = wet.square().sum()
    return wet * (wav.square().sum() / energy).sqrt() if energy > 0 else wav


def _draws(key: int, stream: int, count: int) -> list[float]:
    return uniform(torch.tensor([key]), count, stream)[0].tolist()


def _distinct(draws: Sequence[float], count: int, left_out: int | None = None) -> list[int]:
    """A different number below count from each draw, without one left out, while there are any.

    Example
    -------
    >>> _distinct([0.9, 0.0, 0.9], 3, left_out=0)
    [2, 1]
    """
    taken = [] if left_out is None else [left_out]
    chosen: list[int] = []
    for draw in draws[: count - len(taken)]:
        index = int(draw * (count - len(taken)))
        for other in taken:  # in rising order: the index-th of those free
            index += other <= index
        chosen.append(index)
        taken = sorted([*taken, index])
    return chosen


def _check_range(key: str, values: Sequence[float], lowest: float = float("-inf")) -> None:
    if not values or not lowest <= values[0] <= values[-1]:
        raise UserError(f"{key}: {list(values)} is no range. Give lowest and highest value.")


def _audio_files(folder: str | os.PathLike, key: str) -> list[Path]:
    """Audio at any depth, behind links too, without hidden files."""
    names = sorted(glob.glob("**", root_dir=folder, recursive=True))
    files = [Path(folder, name) for name in names if name.lower().endswith(AUDIO_EXTENSIONS)]
    if not files:
        raise UserError(f"{key}: no audio found in {folder}. Check the path.")
    return files


def _noise_files(folder: str | os.PathLike) -> dict[str, list[Path]]:
    """Files by kind; MUSAN's kinds are the folders of its first level."""
    kinds: dict[str, list[Path]] = {"noise": [], "music": [], "speech": []}
    for path in _audio_files(folder, "noise_folder"):
        first = path.relative_to(folder).parts[0]
        kinds[first if first in kinds else "noise"].append(path)
    return kinds


@functools.lru_cache(maxsize=1000)  # 64 MB at a second each
def _read_response(path: Path) -> torch.Tensor:
    probe(path)  # names a file that is no audio
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    # The mean over microphones, which read_audio would take, is a comb filter.
    return resample(torch.from_numpy(samples[:, 0].copy()), rate, SAMPLE_RATE)
