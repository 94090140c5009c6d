"""What goes wrong between here and the hub, in a line each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub.errors import (
    GatedRepoError,
    HTTPError,  # pyright: ignore[reportPrivateImportUsage]  # of whichever client it is built on
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from mgf_brain.errors import UserError

STATUS = {
    401: "the hub does not accept your token. Run `hf auth login`, or correct HF_TOKEN.",
    403: "your token does not allow that. Use one that may write to this name.",
    429: "the hub asks you to wait: too many requests. Try again in some minutes.",
}


@contextmanager
def explained(repo_id: str) -> Iterator[None]:
    """Errors of the library as one line.

    Example
    -------
    >>> with explained("user/mgf"):
    ...     raise ConnectionError("refused")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: user/mgf: not (wholly) in the cache, and the hub cannot be ...
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # of the client: answers, settings, names, proxies
        raise UserError(f"{repo_id}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, RevisionNotFoundError):
        return "the hub has no such revision of it. Check the name behind the @."
    if isinstance(error, GatedRepoError):
        return "its owner lets you have it on request. Ask on its page, then run `hf auth login`."
    if isinstance(error, RepositoryNotFoundError):
        return (
            "no folder here, and no model that the hub shows you. Check the name; if it is "
            "private, run `hf auth login` first."
        )
    if status in STATUS:
        return STATUS[status]
    if status:
        return f"the hub answers with status {status}. Try again later."
    if isinstance(error, (HTTPError, LocalEntryNotFoundError, ConnectionError)):
        return (
            "not (wholly) in the cache, and the hub cannot be reached. Check the network, "
            "HF_ENDPOINT and HF_HUB_OFFLINE, and pull it again."
        )
    if isinstance(error, ImportError) and "socks" in str(error).lower():
        return (
            "the environment names a SOCKS proxy (ALL_PROXY, HTTPS_PROXY), which needs another "
            "package. Run `pip install socksio`, or unset the variable."
        )
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}."
    return f"{str(error).rstrip('.')}. Check HF_ENDPOINT and the variables of proxies."
