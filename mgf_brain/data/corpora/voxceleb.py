"""Preparing VoxCeleb1 and VoxCeleb2, and finding their trial lists O, E and H.

Layout: any folders above `<speaker>/<video>/<file>`, such as `wav/id10001/<video>/00001.wav`
(VoxCeleb1) and `dev/aac/id00012/<video>/00001.wav` (VoxCeleb2, whose .m4a files need ffmpeg each
time that they are read: convert them). Speakers from id10001 on are VoxCeleb1's, those below are
VoxCeleb2's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from mgf_brain.data.audio_files import AUDIO_EXTENSIONS
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.corpus import Parts, corpus_reader
from mgf_brain.data.preparation.layout import audio_by_stem
from mgf_brain.errors import UserError
from mgf_brain.files import read_lines

SPEAKER = re.compile(r"id(\d{5})")
FIRST_VOX1 = 10001
# VoxCeleb1's test speakers, those of list O: the 40 whose names start with E.
TEST_SPEAKERS = frozenset(f"id{number}" for number in range(10270, 10310))
TRAIN_ON = ("vox2", "vox1", "all")
# The cleaned list, then the one first published.
LISTS = {
    "O": ("veri_test2.txt", "veri_test.txt"),
    "E": ("list_test_all2.txt", "list_test_all.txt"),
    "H": ("list_test_hard2.txt", "list_test_hard.txt"),
}
LISTS_URL = "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/meta"


@corpus_reader
def prepare_voxceleb(root: Path, train_on: str = "vox2") -> Parts:
    """VoxCeleb: train and test; no test where VoxCeleb1's speakers are absent.

    Lists E and H try VoxCeleb1's dev speakers, so that only ``train_on="vox2"`` leaves all three
    lists unseen: its test part is all of VoxCeleb1. Otherwise the test part holds the 40 speakers
    of list O. VoxCeleb2's own test speakers, below a folder `test`, are left out: the published
    systems train on the 5,994 speakers of its dev part.

    Arguments
    ---------
    root : Path
        One corpus, or a folder that holds both.
    train_on : str
        `vox2`, `vox1` (its dev part), or `all` (both).

    Raises
    ------
    UserError
        If there is no speaker to train on.
    """
    if train_on not in TRAIN_ON:
        raise UserError(f"train_on: expected one of {', '.join(TRAIN_ON)}, got {train_on!r}.")
    parts: dict[str, list[Utterance]] = {"train": [], "test": []}
    for folder in _speaker_folders(root):
        if part := _part(folder.relative_to(root), train_on):
            parts[part] += _utterances(folder)
    if not parts["train"]:
        raise UserError(
            f"no audio to train on in data_folder {root}: train_on={train_on} needs "
            f"…/idNNNNN/<video>/<file> in {', '.join(AUDIO_EXTENSIONS)}. Restore them, or "
            "change train_on."
        )
    return parts


def trial_list(data_folder: str | os.PathLike, name: str) -> Path:
    """A list of the user's, or the published O, E or H: the cleaned one, else the first published.

    Arguments
    ---------
    data_folder : str or os.PathLike
        Searched with its subfolders (`meta`, …), except those of speakers.
    name : str
        `O` (Vox1-O, the 40 test speakers), `E` (all of VoxCeleb1) or `H` (pairs of one
        nationality and sex); or the path of a list.

    Returns
    -------
    Path

    Raises
    ------
    UserError
        If there is no such list, or its file is missing.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "meta").mkdir()
    >>> (folder / "meta" / "veri_test.txt").touch()
    >>> trial_list(folder, "O").name
    'veri_test.txt'
    """
    files = LISTS.get(str(name).upper())
    if files is None and Path(str(name)).is_file():
        return Path(str(name))
    if files is None:
        raise UserError(f"trials: expected {', '.join(LISTS)} or a list's path, got {str(name)!r}.")
    found = {file: folder / file for folder, _, names in _walk(Path(data_folder)) for file in names}
    for file in files:
        if file in found:
            return found[file]
    raise UserError(
        f"trials: {files[0]} is not in {data_folder} or below. "
        f"Download {LISTS_URL}/{files[0]} into it."
    )


def list_root(data_folder: str | os.PathLike, link_folder: str | os.PathLike) -> Path:
    """The folder that the lists' paths `id10270/<video>/00001.wav` start from.

    Arguments
    ---------
    data_folder : str or os.PathLike
        Where VoxCeleb1 is.
    link_folder : str or os.PathLike
        Made only if VoxCeleb1's speakers are in several folders (`dev/wav` and `test/wav`):
        gets a link to each speaker.

    Returns
    -------
    Path
        For ``read_trials``.

    Raises
    ------
    UserError
        If there is no speaker of VoxCeleb1.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "wav" / "id10270").mkdir(parents=True)
    >>> list_root(folder, folder / "links").relative_to(folder).as_posix()
    'wav'
    """
    folders = [f for f in _speaker_folders(Path(os.path.abspath(data_folder))) if _is_vox1(f.name)]
    if not folders:
        raise UserError(f"no speaker of VoxCeleb1 (id10001 …) in {data_folder}. Check data_folder.")
    if len(parents := {folder.parent for folder in folders}) == 1:
        return parents.pop()
    links = Path(os.path.abspath(link_folder))
    links.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        _link(links / folder.name, folder)
    return links


def tried_speakers(trials: str | os.PathLike) -> set[str]:
    """The speakers of VoxCeleb whom a list tries, who must not be trained on.

    Arguments
    ---------
    trials : str or os.PathLike
        The list, with lines `1 id10270/… id10271/…`, whatever stands before the speakers.

    Returns
    -------
    set of str

    Raises
    ------
    UserError
        If a file lies in no speaker's folder: who is tried could be trained on.

    Example
    -------
    >>> path = getfixture("tmp_path") / "trials.txt"
    >>> _ = path.write_text("0 id10001/a/1.wav id10270/b/1.wav\\n")
    >>> sorted(tried_speakers(path))
    ['id10001', 'id10270']
    """
    tried = set()
    for number, line in read_lines(trials, "trials"):
        for name in line.split()[1:]:
            speakers = {part for part in name.split("/") if SPEAKER.fullmatch(part)}
            if not speakers:
                raise UserError(f"{trials} line {number}: {name} is in no folder id10001, ….")
            tried |= speakers
    return tried


def _walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Folders above the speakers', each with its speakers and files."""
    if not root.is_dir():
        raise UserError(f"data_folder does not exist: {root}. Pass --data_folder <folder>.")
    for folder, folders, files in os.walk(root, followlinks=True):
        speakers = sorted(name for name in folders if SPEAKER.fullmatch(name))
        folders[:] = sorted(set(folders) - set(speakers))  # os.walk goes down these only
        yield Path(folder), speakers, files


def _speaker_folders(root: Path) -> list[Path]:
    return [folder / speaker for folder, speakers, _ in _walk(root) for speaker in speakers]


def _is_vox1(speaker: str) -> bool:
    return int(speaker.removeprefix("id")) >= FIRST_VOX1


def _part(folder: Path, train_on: str) -> str | None:
    """Train, test or neither; the folder is a speaker's, from the root on."""
    is_vox1 = _is_vox1(folder.name)
    if folder.name in TEST_SPEAKERS or (is_vox1 and train_on == "vox2"):
        return "test"
    if is_vox1:
        return "train"
    return None if train_on == "vox1" or "test" in folder.parts else "train"


def _utterances(folder: Path) -> Iterator[Utterance]:
    for video in sorted(folder.iterdir()):
        for stem, file in audio_by_stem(video).items():
            yield Utterance(f"{folder.name}-{video.name}-{stem}", 0.0, str(file), folder.name)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() != target:
        link.unlink()  # the corpus has moved
    if not link.is_symlink():
        link.symlink_to(target)
