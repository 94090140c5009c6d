"""Waveform augmentation: speed, reverberation and noise, every draw from the utterance's key.

SpeechBrain's ``AddNoise``, ``AddReverb`` and ``SpeedPerturb`` are not used: they draw from the
process's running random stream and data loaders, so that a resumed run, or one with other workers
or batches, draws otherwise; a batch shares one speed, one room and one place in the noise; and
their convolution is circular, the end of an utterance echoes in its beginning.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.data.augment.noise import (
    NOISE_STREAM,
    REVERB_STREAM,
    SPEED_STREAM,
    Noise,
    Range,
    as_pair,
    draws_of,
)
from mgf_brain.data.augment.recordings import Recordings, noise_files, room_files
from mgf_brain.data.augment.rooms import RecordedRooms, SimulatedRooms, reverberate
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.layout import audio_files
from mgf_brain.data.resampling import resample
from mgf_brain.errors import UserError, check_range, check_share


class WaveformAugmentation:
    """Change an utterance's speed, put it into a room and add noise.

    Folders of noise have MUSAN's layout (Snyder et al. 2015, arXiv 1510.08484) or any other: what
    lies below ``music`` and ``speech`` is music and babble, all else noise. One kind is drawn, each
    as likely as the others. The ranges are those of Kaldi's x-vector recipe (Snyder et al. 2018);
    as there, every voice of the babble has an SNR of its own, so that seven together are 8.5 dB
    louder than one.

    Folders of impulse responses have RIRS_NOISES' layout (Ko et al. 2017), of which small, medium
    and real rooms are equally likely, or any other; without one, rooms can be simulated.

    Arguments
    ---------
    noise_folder, reverb_folder : str or os.PathLike, optional
        None adds none.
    babble_folder : str or os.PathLike, optional
        Speech for the babble; default ``speech`` in the noise folder.
    own_babble : bool
        The babble is mixed from the utterances that ``for_corpus`` is given, in place of files.
    noise_snr, music_snr, babble_snr : tuple of float
        Lowest and highest signal-to-noise ratio in dB, drawn uniformly.
    babble_speakers : tuple of int
        Fewest and most recordings of speech in a babble.
    premixed_babble : bool
        The voices are equally loud, and the SNR is that of them all, as in Cho et al. 2022.
    noise_probability, reverb_probability : float
        Share of the utterances that get one.
    simulated_rooms : int
        Rooms to draw where there is no ``reverb_folder``; 0 adds no reverberation.
    rt60, direct_ratio : tuple of float
        Reverberation time of the simulated rooms in seconds, and their direct-to-reverberant ratio
        in dB; see ``SimulatedRooms``.
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
    >>> augment = WaveformAugmentation(simulated_rooms=100, reverb_probability=1.0, speeds=(1.1,))
    >>> wav = torch.randn(16000)
    >>> torch.equal(augment(wav, key=5), augment(wav, key=5)), len(augment(wav, key=5))
    (True, 14546)
    """

    def __init__(
        self,
        noise_folder: str | os.PathLike | None = None,
        reverb_folder: str | os.PathLike | None = None,
        babble_folder: str | os.PathLike | None = None,
        own_babble: bool = False,
        noise_snr: Range = (0.0, 15.0),
        music_snr: Range = (5.0, 15.0),
        babble_snr: Range = (13.0, 20.0),
        babble_speakers: tuple[int, int] = (3, 7),
        premixed_babble: bool = False,
        noise_probability: float = 0.5,
        reverb_probability: float = 0.5,
        simulated_rooms: int = 0,
        rt60: Range = (0.2, 0.8),
        direct_ratio: Range = (0.0, 10.0),
        speeds: Sequence[float] = (1.0,),
        cache_mb: float = 300.0,
    ) -> None:
        check_range("noise_snr", noise_snr)
        check_range("music_snr", music_snr)
        check_range("babble_snr", babble_snr)
        check_range("direct_ratio", direct_ratio)
        check_range("babble_speakers", babble_speakers, lowest=1)
        check_range("rt60", rt60, lowest=0.01)
        if not speeds or not all(isinstance(x, (int, float)) and x >= 0.1 for x in speeds):
            raise UserError(f"speeds: {list(speeds)} are no factors. Pass [0.9, 1.0, 1.1], say.")
        check_share("noise_probability", noise_probability)
        check_share("reverb_probability", reverb_probability)
        if own_babble and babble_folder:
            raise UserError("own_babble: it takes the place of babble_folder. Give one of the two.")
        _refuse_unheard("noise", noise_probability, noise_folder or babble_folder)
        _refuse_unheard("reverb", reverb_probability, reverb_folder)
        self.noise_probability, self.reverb_probability = noise_probability, reverb_probability
        self.speeds, self.most_voices = tuple(speeds), babble_speakers[1]
        self.own_babble = own_babble
        self.voices = partial(
            Noise, snr=as_pair(babble_snr), count=as_pair(babble_speakers), premixed=premixed_babble
        )
        kinds = {
            "noise": partial(Noise, snr=as_pair(noise_snr)),
            "music": partial(Noise, snr=as_pair(music_snr)),
            "speech": self.voices,
        }
        files = noise_files(noise_folder) if noise_folder else {}
        if own_babble:
            files["speech"] = []
        elif babble_folder:
            files["speech"] = audio_files(babble_folder, "babble_folder")
        noises = [kinds[kind](Recordings.of_files(files[kind], cache_mb)) for kind in files]
        self.noises = [noise for noise in noises if len(noise.recordings)]
        rooms = (
            [RecordedRooms(files) for files in room_files(reverb_folder).values()]
            if reverb_folder
            else [SimulatedRooms(simulated_rooms, as_pair(rt60), as_pair(direct_ratio))]
        )
        self.rooms = [kind for kind in rooms if len(kind)]

    def for_corpus(
        self, utterances: Iterable[Utterance], read: Callable[..., torch.Tensor]
    ) -> WaveformAugmentation:
        """The same augmentation, its babble mixed from these utterances if it is ``own_babble``.

        Arguments
        ---------
        utterances : iterable of Utterance
            Their speakers are not asked for: label-free training stays so.
        read : callable
            ``read(path, start=, frames=) -> (samples,)``: the ``AudioCache`` that the crops are
            read from, where there is one.

        Returns
        -------
        WaveformAugmentation
            This one, unless ``own_babble``.
        """
        if not self.own_babble:
            return self
        other = copy.copy(self)
        other.noises = [*self.noises, self.voices(Recordings.of_utterances(utterances, read))]
        return other

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
        # A draw takes 0.15 ms: none where there is nothing to choose.
        if self.speeds != (1.0,):
            wav = self._change_speed(wav, key)
        if self.rooms and self.reverb_probability:
            wav = self._reverberate(wav, key)
        return self._add_noise(wav, key, path) if self.noises and self.noise_probability else wav

    def _change_speed(self, wav: torch.Tensor, key: int) -> torch.Tensor:
        [draw] = draws_of(key, SPEED_STREAM, 1)
        factor = self.speeds[int(draw * len(self.speeds))]
        return wav if factor == 1 else resample(wav, int(factor * SAMPLE_RATE), SAMPLE_RATE)

    def _reverberate(self, wav: torch.Tensor, key: int) -> torch.Tensor:
        whether, which, kind = draws_of(key, REVERB_STREAM, 3)
        if whether >= self.reverb_probability:
            return wav
        rooms = self.rooms[int(kind * len(self.rooms))]
        return reverberate(wav, rooms[int(which * len(rooms))])

    def _add_noise(
        self, wav: torch.Tensor, key: int, path: str | os.PathLike | None
    ) -> torch.Tensor:
        whether, kind, *draws = draws_of(key, NOISE_STREAM, 3 + 3 * self.most_voices)
        if whether >= self.noise_probability:
            return wav
        return self.noises[int(kind * len(self.noises))].add(wav, draws, path)


def _refuse_unheard(kind: str, probability: float, folder: str | os.PathLike | None) -> None:
    if folder and not probability:
        raise UserError(f"{kind}_probability: at 0, {folder} is never heard. Give a share above 0.")
