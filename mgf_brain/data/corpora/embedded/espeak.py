"""eSpeak NG through ctypes: speech and the times of its phones.

The library and its voices come with the optional package `espeakng-loader` (GPL-3, used at run
time only). eSpeak NG keeps global state which one synthesis leaves to the next, so that a text
does not sound the same twice in a process. `Synthesiser` therefore loads a copy of the library
of its own: equal calls on two fresh synthesisers give equal samples, in one process as in two,
except for variants with `breath`, whose noise varies from run to run.
"""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mgf_brain.errors import UserError

# Values of eSpeak NG's public header.
_SYNCHRONOUS, _PHONEME_EVENTS, _DONT_EXIT, _UTF8 = 2, 0x1, 0x8000, 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_LIST_END, _PHONEME = 0, 7

_PIP = "pip install -e .[demo]"

# A level at which even the loudest voice variants do not clip.
_QUIET = 25

# eSpeak's mnemonics for American English, without stress marks, as ARPAbet phones. A mnemonic of
# two phones is split in the middle; one of none (palatalisation) prolongs the phone before it.
_ARPABET = """
_ SIL|_: SIL|_! SIL|; |
@ AH|@- AH|@2 AH|@5 UH|a# AH|V AH|3 ER|3: ER|I IH|I2 IH|I# IH|i IY|i: IY|E EH|a AE|aa AE
A: AA|0 AA|O AO|O: AO|O2 AO|U UH|u: UW|eI EY|aI AY|OI OY|aU AW|oU OW
@L AH L|A@ AA R|O@ AO R|o@ AO R|e@ EH R|i@ IY AH|i@3 IH R|U@ UH R|aI@ AY AH|aI3 AY ER
p P|b B|t T|t# T|t2 T|? T|d D|k K|g G|tS CH|dZ JH|f F|v V|T TH|D DH|s S|z Z|S SH|Z ZH|h HH
m M|n N|n- AH N|N NG|l L|r R|r- R|w W|j Y
"""
ARPABET: dict[str, tuple[str, ...]] = {
    entry.split(" ")[0]: tuple(entry.split()[1:])
    for line in _ARPABET.strip().splitlines()
    for entry in line.split("|")
    if entry
}


class _EventId(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("mnemonic", ctypes.c_char * 8),
    ]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class Phone:
    """An ARPAbet phone (or SIL, or SPN for an unknown mnemonic) and where it is.

    Arguments
    ---------
    name : str
        ARPAbet without stress.
    start : float
        First instant, in seconds.
    end : float
        Last instant, in seconds.

    Example
    -------
    >>> Phone("AA", 0.1, 0.25).name
    'AA'
    """

    name: str
    start: float
    end: float


class Synthesiser:
    """eSpeak NG, American English, in a private copy of the library; a context manager.

    Raises
    ------
    UserError
        If `espeakng-loader` is not installed, or its library cannot be loaded.

    Example
    -------
    >>> with Synthesiser() as synthesiser:  # doctest: +SKIP
    ...     wave, phones = synthesiser.speak("Good morning.", "f1", 160, 50, 50)
    """

    def __init__(self) -> None:
        """Loads and starts the library."""
        self._library, data = _load_private_copy()
        self.sample_rate: int = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, data.encode(), _PHONEME_EVENTS | _DONT_EXIT
        )
        if self.sample_rate <= 0:
            raise UserError(
                f"eSpeak NG does not start with its data in {data}. Reinstall it: {_PIP}"
            )
        self._samples: list[np.ndarray] = []
        self._events: list[tuple[int, str]] = []
        # The library keeps only a pointer: the callback must live as long as this object.
        self._callback = _Callback(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def __enter__(self) -> Synthesiser:
        """Itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Stops the library and frees its data."""
        self._library.espeak_Terminate()

    def speak(
        self, text: str, variant: str, rate: int, pitch: int, pitch_range: int
    ) -> tuple[np.ndarray, list[Phone]]:
        """Synthesises a text.

        Arguments
        ---------
        text : str
            One or several sentences of English.
        variant : str
            eSpeak's name of a voice variant, such as `f1`.
        rate : int
            Words per minute, 80 to 450.
        pitch : int
            0 to 99; 50 is the variant's own.
        pitch_range : int
            Pitch range, 0 (monotone) to 99; 50 is the variant's own.

        Returns
        -------
        wave : numpy.ndarray
            float32, (samples,), within ±1, at `sample_rate`.
        phones : list of Phone
            Without gaps, from 0 to the wave's end.
        """
        self._set_voice(variant, rate, pitch, pitch_range)
        self._samples.clear()
        self._events.clear()
        data = text.encode()
        self._check(
            self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None), text
        )
        wave = np.concatenate(self._samples)
        bounds = _bounds(self._events, wave)
        phones = list(_phones(bounds, len(wave), self.sample_rate))
        return wave.astype(np.float32) / 32768, phones

    def _set_voice(self, variant: str, rate: int, pitch: int, pitch_range: int) -> None:
        self._check(self._library.espeak_SetVoiceByName(f"en-us+{variant}".encode()), variant)
        settings = {_RATE: rate, _VOLUME: _QUIET, _PITCH: pitch, _RANGE: pitch_range}
        for parameter, value in settings.items():
            self._check(self._library.espeak_SetParameter(parameter, value, 0), variant)

    def _check(self, status: int, what: str) -> None:
        if status != 0:
            raise RuntimeError(f"eSpeak NG returned status {status} for {what!r}")

    def _receive(self, samples, count: int, events) -> int:
        if samples and count:
            self._samples.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != _LIST_END:
            event = events[index]
            if event.type == _PHONEME:
                mnemonic = event.id.mnemonic.decode("latin-1").lstrip("',%=")
                self._events.append((event.sample, mnemonic))
            index += 1
        return 0


def _load_private_copy() -> tuple[ctypes.CDLL, str]:
    """The library, from a copy that no one else has loaded, and the folder of its data."""
    try:
        import espeakng_loader
    except ImportError:
        raise UserError(f"the embedded corpus needs the package espeakng-loader: {_PIP}") from None
    source = Path(espeakng_loader.get_library_path())
    # Where a loaded file cannot be deleted (Windows) the copy stays in the temporary folder.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            library = ctypes.CDLL(shutil.copy(source, folder))
        except OSError as error:
            raise UserError(f"cannot load {source} ({error}). Reinstall it: {_PIP}") from error
    return library, espeakng_loader.get_data_path()


def _bounds(events: list[tuple[int, str]], wave: np.ndarray) -> Iterator[tuple[int, tuple]]:
    """(first sample, phones) of every event.

    eSpeak places a plosive's event at the burst; the closure before it is digital silence, which
    belongs to the plosive unless a pause precedes.
    """
    silent = wave == 0
    previous, previous_start = ("SIL",), 0
    for sample, mnemonic in events:
        phones = ARPABET.get(mnemonic, ("SPN",))
        start = sample
        if previous != ("SIL",):
            while start > previous_start + 1 and silent[start - 1]:
                start -= 1
        yield start, phones
        previous, previous_start = phones, start


def _phones(bounds: Iterator[tuple[int, tuple]], length: int, sample_rate: int) -> Iterator[Phone]:
    """Contiguous phones, beginning with SIL at 0."""
    starts, names = [0], ["SIL"]
    marks = list(bounds)
    ends = [start for start, _ in marks[1:]] + [length]
    for (start, phones), end in zip(marks, ends, strict=True):
        for index, name in enumerate(phones):
            starts.append(start + (end - start) * index // len(phones))
            names.append(name)
    for name, start, end in zip(names, starts, starts[1:] + [length], strict=True):
        if end > start:
            yield Phone(name, start / sample_rate, end / sample_rate)
