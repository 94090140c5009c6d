"""How long an MP3 really is, by the headers of all its frames.

Its decoder believes a file's first frame, which may say how many follow (Xing's tag), or without
one reckons by its bit rate: both are wrong for files that were joined, cut or varied in rate.
"""

from __future__ import annotations

import mmap

# Of layer III in kbit/s, by the header's field; 0 and 15 are none of a frame of known length.
_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_RATES = (44100, 48000, 32000)  # Hz, of MPEG 1
_SLOWER = {3: 1, 2: 2, 0: 4}  # by the version's field: MPEG 1, 2 and 2.5


def mp3_samples(data: bytes | mmap.mmap) -> int:
    """Samples of all layer III frames, with what an encoder adds at both ends.

    Arguments
    ---------
    data : bytes or mmap.mmap
        The file.

    Returns
    -------
    int
        Per channel; 0 if there is no such frame.

    Example
    -------
    >>> frame = bytes.fromhex("fffb9000") + bytes(413)  # 128 kbit/s at 44.1 kHz
    >>> mp3_samples(b"TAG" + 3 * frame), mp3_samples(b"no frame")
    (3456, 0)
    """
    place, samples, synced = 0, 0, False
    while (place := data.find(b"\xff", place)) >= 0:
        size, count = _frame(data, place)
        # Out of step, a header counts if another follows, or the end: sound may look like one.
        if size and (synced or place + size == len(data) or _frame(data, place + size)[0]):
            samples, place, synced = samples + count, place + size, True
        else:
            place, synced = place + 1, False
    return samples


def _frame(data: bytes | mmap.mmap, place: int) -> tuple[int, int]:
    """Bytes and samples of the frame that begins at a place; twice 0 if none does."""
    header = data[place : place + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0, 0
    version = header[1] >> 3 & 3
    rate, kilobits = header[2] >> 2 & 3, (_MPEG1 if version == 3 else _MPEG2)[header[2] >> 4]
    if version == 1 or rate == 3 or not kilobits:
        return 0, 0
    samples = 1152 if version == 3 else 576
    hertz = _RATES[rate] // _SLOWER[version]
    return samples // 8 * 1000 * kilobits // hertz + (header[2] >> 1 & 1), samples
