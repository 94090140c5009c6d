"""Publishing a model's folder on the Hugging Face hub, and fetching one from it.

The library reads its own settings: HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE, and the token of
``hf auth login`` or HF_TOKEN, which is never seen here.
"""

from __future__ import annotations

import glob
import math
import os
import re
from functools import cache
from pathlib import Path

from huggingface_hub import (
    CommitOperationAdd,
    HfApi,
    ModelCard,
    snapshot_download,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    HTTPError,  # pyright: ignore[reportPrivateImportUsage]  # of whichever client it is built on
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from speechbrain.utils.logger import get_logger

from mgf_brain.errors import UserError, plain
from mgf_brain.files import read_json, refuse_large
from mgf_brain.folder.adapted import refuse_local_base
from mgf_brain.folder.hub_errors import explained
from mgf_brain.folder.model_files import FILES, is_ours, needed_files
from mgf_brain.folder.model_names import is_hub_name, split_name
from mgf_brain.folder.shipped import place_of
from mgf_brain.kinds import quote

logger = get_logger(__name__)

RUN_FOLDERS = ("pretrained", "model")  # where a run leaves such a folder
HUBS_OWN = (".gitattributes", ".gitignore")  # in every repository
MOST_CARD_MB = 1
TIMEOUT = 30.0  # seconds until a hub that is silent is no hub
MOST_GB = 20.0  # of a model that is fetched unless the user allows more
LONGEST = 300  # characters of a list of names in the log
LOCAL_PATH = re.compile(r":\s*['\"]?(/[^\s'\",}]+)")  # of a yaml
PLACEHOLDER = "path/to/this/folder"  # in the card's code


def push(
    folder: str | Path, repo_id: str, private: bool = False, revision: str | None = None
) -> str:
    """Publish a model's folder in one commit.

    Arguments
    ---------
    folder : str or Path
        A pretrained folder, the ``model/`` of a downstream run, a run that has one of them, or
        the name of a model that comes with the package.
    repo_id : str
        ``user/name``; made where it does not exist.
    private : bool
        Whether only its owner may see it.
    revision : str, optional
        Branch to write to; made where it does not exist. By default ``main``.

    Returns
    -------
    str
        Where to see it.

    Raises
    ------
    UserError
        If something is missing that a reader needs, above all results and the licence of the data;
        a file is a link to one elsewhere; or the hub refuses.

    Example
    -------
    >>> push("results/LibriSpeech/mgf/1986", "user/mgf")  # doctest: +SKIP
    'https://huggingface.co/user/mgf'
    """
    folder = exported(place_of(folder))
    _refuse_incomplete(folder)
    refuse_local_base(folder)
    _refuse_local_paths(folder)
    api, operations = HfApi(), _operations(folder, repo_id)
    with explained(repo_id):
        url = api.create_repo(repo_id, private=private or None, exist_ok=True)
        if private and not api.model_info(repo_id).private:
            raise UserError(f"{repo_id} exists and is public. Choose another name, or change it.")
        if revision:
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        api.create_commit(  # upload_folder may split what it sends into several commits
            repo_id, operations, commit_message="Add model", revision=revision
        )
    return str(url)


def _refuse_local_paths(folder: Path) -> None:
    """What names a folder of this machine loads nowhere else, and tells of it."""
    found = LOCAL_PATH.search((folder / FILES[0]).read_text(encoding="utf-8"))
    if found:
        raise UserError(
            f"{folder} cannot be published: its {FILES[0]} names {plain(found[1], 100)}, which is "
            "on this machine alone. Train it anew with what has a name on the hub."
        )


def exported(folder: Path) -> Path:
    """The folder itself, or the one that its run left in it; `UserError` if there is none.

    Example
    -------
    >>> run = getfixture("tmp_path")
    >>> (run / "model").mkdir()
    >>> (run / "model" / "model.safetensors").touch()
    >>> exported(run).name
    'model'
    """
    for path in (folder, *(folder / name for name in RUN_FOLDERS)):
        if (path / FILES[1]).is_file():
            return path
    raise UserError(f"{folder} holds no model. Pass a run's folder, its pretrained/ or its model/.")


def _refuse_incomplete(folder: Path) -> None:
    missing = [name for name in FILES if not (folder / name).is_file()]
    if not missing:
        scores = read_json(folder / "results.json").get("metrics")
        missing += [] if scores else ["scores in results.json (its metrics are empty)"]
        licence = licence_of(read_card(folder))
        missing += [] if licence else ["the licence of its data (`license:` in README.md's header)"]
    if missing:
        raise UserError(f"{folder} cannot be published: it lacks {', '.join(missing)}. Add it.")


def read_card(folder: Path) -> ModelCard | None:
    """The model card of a folder; None where there is none that can be read.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "README.md").write_text("---\\nlicense: mit\\n---\\n# A model\\n")
    >>> licence_of(read_card(folder)), read_card(folder / "nowhere")
    ('mit', None)
    """
    path = folder / "README.md"
    try:
        refuse_large(path, MOST_CARD_MB)
        return ModelCard.load(path)
    except Exception:  # whatever the library's parser makes of a broken header
        return None


def licence_of(card: ModelCard | None) -> str | None:
    """The licence that a card's header names, of the weights and so of the data.

    Example
    -------
    >>> licence_of(ModelCard("---\\nlicense: other\\nlicense_name: my-terms\\n---\\n"))
    'my-terms'
    """
    if card is None:
        return None
    licence = card.data.get("license")
    licence = card.data.get("license_name") if licence == "other" else licence
    return licence if isinstance(licence, str) else None


def _operations(folder: Path, repo_id: str) -> list[CommitOperationAdd]:
    """What the commit consists of; the card says how to load the model from the hub."""
    paths = [path for path in sorted(folder.iterdir()) if is_ours(path.name) and path.is_file()]
    for path in paths:
        if path.resolve().parent != folder.resolve():
            raise UserError(f"{path} is a link to {path.resolve()}. Put the file itself there.")
    card = (folder / "README.md").read_text(encoding="utf-8").replace(PLACEHOLDER, repo_id)
    return [CommitOperationAdd("README.md", card.encode())] + [
        CommitOperationAdd(path.name, path) for path in paths if path.name != "README.md"
    ]


def pull(
    repo_id: str,
    revision: str | None = None,
    local_only: bool | None = None,
    max_gb: float = MOST_GB,
) -> Path:
    """Fetch a model's folder into the library's cache, or find it there.

    A file that is cached is not fetched again; one whose transfer breaks off is continued.
    Without a network the cache serves alone. What belongs to no model's folder is left out, and
    named in the log.

    Arguments
    ---------
    repo_id : str
        ``user/name``.
    revision : str, optional
        Branch, tag or commit; by default ``main``.
    local_only : bool, optional
        Whether to look into the cache only; by default as HF_HUB_OFFLINE says.
    max_gb : float
        Of all files that the cache lacks; if they are more, nothing is fetched.

    Returns
    -------
    Path
        The folder, to be read only.

    Raises
    ------
    UserError
        If there is no such model, it is not for you or too large, or the hub cannot be reached and
        the cache lacks it.

    Example
    -------
    >>> pull("user/mgf", revision="v1")  # doctest: +SKIP
    PosixPath('.../models--user--mgf/snapshots/5f0c…')
    """
    with explained(repo_id):
        if not local_only:
            try:
                names = _offered(repo_id, revision, max_gb)
            except (RepositoryNotFoundError, RevisionNotFoundError):
                raise
            except (HTTPError, OSError) as error:
                return _cached(repo_id, revision, error)
            patterns = list(map(glob.escape, names))
            return Path(snapshot_download(repo_id, revision=revision, allow_patterns=patterns))
        return _cached(repo_id, revision)


def _cached(repo_id: str, revision: str | None, reason: Exception | None = None) -> Path:
    """What an earlier pull left; ``reason`` is why the hub was not asked."""
    try:
        return Path(snapshot_download(repo_id, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError as error:
        raise (error if isinstance(reason, OfflineModeIsEnabled) else reason or error) from error


def _offered(repo_id: str, revision: str | None, max_gb: float) -> list[str]:
    """Names of the files that are to be fetched; all others are named in the log."""
    info = HfApi().model_info(repo_id, revision=revision, files_metadata=True, timeout=TIMEOUT)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    names = needed_files(sizes)
    size = sum(sizes[name] for name in names if not _is_cached(repo_id, name, info.sha)) / 1e9
    if size > max_gb:
        whole_name = f"{repo_id}@{revision}" if revision else repo_id
        raise UserError(
            f"{repo_id} has {size:,.3g} GB to be fetched, more than {max_gb:g}. Fetch it by "
            f"`mgf-brain pull {whole_name} --max_gb {math.ceil(size)}`, and go on."
        )
    left = [name for name in sizes if name not in (*names, *HUBS_OWN)]
    if left:
        logger.warning("Left out, as no part of a model: %s", plain(", ".join(left), LONGEST))
    return names


def _is_cached(repo_id: str, name: str, commit: str | None) -> bool:
    return isinstance(try_to_load_from_cache(repo_id, name, revision=commit), str)


def local_path(name: str | os.PathLike) -> Path:
    """The folder that a path or a name on the hub stands for.

    Arguments
    ---------
    name : str or os.PathLike
        A model that comes with the package; a folder; or, where there is none of this name,
        ``user/name`` or ``user/name@revision``, fetched once a process, so that a run reads one
        version throughout.

    Returns
    -------
    Path
        Anything else as it is: whoever reads it says what is amiss.

    Raises
    ------
    UserError
        If it is neither; and see ``pull``.

    Example
    -------
    >>> local_path("results/LibriSpeech/mgf/1986/pretrained").name
    'pretrained'
    """
    if not isinstance(name, (str, os.PathLike)):
        raise UserError(f"folder: {quote(name)} is no path. Pass a model's folder, or user/name.")
    return _pulled(str(name)) if is_hub_name(name) else place_of(name)


def pinned(name: str, folder: Path) -> str:
    """A model's name by which it is found again as it is: of the hub with its commit.

    Arguments
    ---------
    name : str
        As the user wrote it.
    folder : Path
        What ``local_path`` made of it.

    Example
    -------
    >>> pinned("user/mgf@v1", Path("snapshots/5f0c")), pinned("results/mgf/1986", Path("results"))
    ('user/mgf@5f0c', 'results/mgf/1986')
    """
    return f"{split_name(name)[0]}@{folder.name}" if is_hub_name(name) else name


@cache
def _pulled(name: str) -> Path:
    repo_id, revision = split_name(name)
    return pull(repo_id, revision=revision)
