"""What a file holds and what its header claims; formats that need ffmpeg."""

import errno
import os
import resource
import sys

import numpy as np
import pytest
import soundfile

from mgf_brain.data import decoding
from mgf_brain.data.audio import probe, read_audio
from mgf_brain.data.audio_files import Segment, audio_among
from mgf_brain.data.preparation.checks import check_file
from mgf_brain.errors import UserError

RATE = 16000


def write(path, seconds=4.0, rate=RATE, **options):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, int(seconds * rate))
    opus = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
    soundfile.write(path, noise, rate, **opus, **options)
    return path


def refused(path, reason):
    """By the check, and by reading all of it with its name."""
    assert reason in check_file(path).error
    with pytest.raises(UserError, match=path.name):
        read_audio(path)


@pytest.mark.parametrize("share", (0.3, 0.6, 0.9))
@pytest.mark.parametrize("extension", (".wav", ".flac", ".ogg", ".opus", ".mp3"))
def test_what_was_cut_off_is_missed(tmp_path, extension, share):
    path = write(tmp_path / f"a{extension}")
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    refused(path, "")


@pytest.mark.parametrize("extension", (".wav", ".flac", ".ogg", ".opus", ".mp3"))
def test_files_joined_into_one_are_refused(tmp_path, extension):
    first, second = write(tmp_path / f"a{extension}", 1.0), write(tmp_path / f"b{extension}", 2.0)
    first.write_bytes(first.read_bytes() + second.read_bytes())
    refused(first, "")
    assert check_file(second).error is None


def test_a_flac_with_a_tag_before_it_is_one_file(tmp_path):
    path = write(tmp_path / "a.flac")
    flac = path.read_bytes()
    tag = b"ID3\4\0\0\0\0\0\x0a" + bytes(10)
    path.write_bytes(tag + flac)
    assert check_file(path).error is None and len(read_audio(path)) == 4 * RATE
    path.write_bytes(tag + flac + flac)
    refused(path, "several files joined into one")


def test_an_mp3_whose_first_frame_tells_nothing_is_not_read_half(tmp_path):
    """Of a variable bit rate, without Xing's tag: its decoder reckons by the first frame."""
    path = write(tmp_path / "a.mp3", bitrate_mode="VARIABLE", compression_level=0.5)
    data = path.read_bytes()
    second = data.index(data[:2], 4)
    path.write_bytes(data[second:])
    if abs(probe(path).frames - 4 * RATE) > RATE // 2:  # else the guess was right
        refused(path, "wrong header")


def test_a_file_is_looked_through_once_until_it_changes(tmp_path, monkeypatch):
    path, scans = write(tmp_path / "a.mp3"), []
    monkeypatch.setattr(decoding, "mp3_samples", lambda data: scans.append(0) or 4 * RATE)
    for start in range(3):
        read_audio(Segment(str(path), start))
    assert len(scans) == 1
    os.utime(path, (0, 0))
    read_audio(path)
    assert len(scans) == 2


@pytest.mark.parametrize("extension, place", ((".flac", 18), (".mp3", None)))
def test_a_forged_length_is_refused_at_once(tmp_path, extension, place):
    path = write(tmp_path / f"a{extension}")
    data = bytearray(path.read_bytes())
    place = place or data.index(b"Xing") + 4
    data[place + 4 : place + 8] = b"\x7f\xff\xff\xff"
    path.write_bytes(data)
    refused(path, "samples")


def test_an_unlikely_rate_is_refused(tmp_path):
    path = write(tmp_path / "a.wav", rate=500)
    refused(path, "500 Hz is no rate of audio")
    with pytest.raises(UserError, match=r"a\.wav.*500 Hz"):
        probe(path)


def test_wavs_written_to_a_pipe_are_whole(tmp_path):
    path = write(tmp_path / "a.wav")
    data = bytearray(path.read_bytes())
    for size in (b"\xff\xff\xff\xff", b"\0\xf0\xff\x7f"):
        data[40:44] = size
        path.write_bytes(data)
        assert check_file(path).error is None
        assert len(read_audio(path)) == 4 * RATE


def test_too_many_open_files_are_no_fault_of_a_file(tmp_path):
    path = write(tmp_path / "a.wav")
    lowest, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, highest))
    try:
        for read in (check_file, probe, read_audio):
            with pytest.raises(OSError, match=r"Too many open files: .*a\.wav"):
                read(path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, highest))


def test_a_file_that_may_not_be_read_says_so(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav")

    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    def fail(source):
        raise soundfile.LibsndfileError(2)

    monkeypatch.setattr(decoding, "_Decoder", fail)  # for root, all can be read
    monkeypatch.setattr(decoding.os, "open", refuse)
    assert check_file(path).error == "no permission to read it"
    with pytest.raises(UserError, match=r"cannot read .*a\.wav: no permission to read it\. "):
        read_audio(path)


def test_a_piece_that_a_header_promises_and_a_file_lacks_is_refused(tmp_path):
    path = write(tmp_path / "a.mp3", 10.0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    with pytest.raises(UserError, match=r"a\.mp3: cut short"):
        read_audio(path, start=8 * RATE, frames=RATE)


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """A stand-in on the PATH that writes a second at 8 kHz; or runs what it is told."""

    def install(code):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / "ffmpeg"
        script.write_text(f"#!{sys.executable}\nimport sys\n{code}\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return install


SECOND = (
    "import io, numpy, soundfile\n"
    "stream = io.BytesIO()\n"
    "soundfile.write(stream, numpy.sin(numpy.arange(8000)), 8000, format='WAV')\n"
    "sys.stdout.buffer.write(stream.getvalue())"
)


def test_ffmpeg_decodes_what_soundfile_cannot(tmp_path, ffmpeg):
    ffmpeg(SECOND)
    path = tmp_path / "-a.M4A"
    path.write_bytes(b"AAC")
    check = check_file(path)
    assert (check.error, check.duration) == (None, 1.0)
    assert probe(path).frames == 8000
    assert len(read_audio(path)) == RATE
    assert len(read_audio(path, start=1000, frames=500)) == 500


def test_what_ffmpeg_refuses_is_one_line(tmp_path, ffmpeg, monkeypatch):
    path = tmp_path / "a.wma"
    path.write_bytes(b"no audio")
    ffmpeg("sys.exit('a.wma: Invalid data found\\nwhen processing input')")
    refused(path, "ffmpeg: a.wma: Invalid data found when processing input")
    ffmpeg("import time; time.sleep(60)")
    with monkeypatch.context() as limit:
        limit.setattr(decoding, "CONVERSION_SECONDS", 0.2)
        refused(path, "ffmpeg takes more than 0.2 s")
    ffmpeg("")
    refused(path, "unreadable")


def test_without_ffmpeg_its_files_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    (tmp_path / "a.m4a").write_bytes(b"AAC")
    refused(tmp_path / "a.m4a", "needs ffmpeg: install ffmpeg, or convert it")


def test_of_two_formats_the_one_without_ffmpeg_is_taken(tmp_path):
    paths = [tmp_path / name for name in ("a/1.m4a", "a/1.wav", "b/1.m4a", "b/.1.wav", "b/2.txt")]
    assert audio_among(paths) == [tmp_path / "a/1.wav", tmp_path / "b/1.m4a"]
