"""A hub on loopback: what the real client needs to create, send, list and fetch models."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_right"
LARGE = ".safetensors"  # what goes to the storage of large files, as on the real hub


@dataclass
class Model:
    """A repository: its commits, and which of them each branch is at."""

    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, changes: dict[str, bytes]) -> str:
        """Add a commit to a branch; returns its name."""
        files = self.commits.get(self.branches.get(branch, ""), {}) | changes
        name = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode()).hexdigest()
        self.commits[name], self.branches[branch] = files, name
        return name


class Hub(ThreadingHTTPServer):
    """The server; ``cut`` breaks the next transfers of a file off after so many bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.models: dict[str, Model] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, str]] = []  # method, path, range
        self.bodies: list[bytes] = []
        self.cut: dict[str, list[int]] = {}
        self.status = 0  # of every answer, if any

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self.server_port}"

    def paths(self, method: str) -> list[str]:
        """Paths of all requests of a kind."""
        return [path for kind, path, _ in self.requests if kind == method]

    def ranges(self, name: str) -> list[str]:
        """What was asked for of a file, request by request; empty: all of it."""
        return [part for kind, path, part in self.requests if kind == "GET" and path.endswith(name)]


class Refusal(Exception):
    """An answer that is an error: status, the hub's code and message."""


class Handler(BaseHTTPRequestHandler):
    """One request; a route is a method, a pattern and the function that answers."""

    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *arguments: Any) -> None:
        """Silence."""

    def do_GET(self) -> None:
        """As the other three: find the route, answer it."""
        size = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(size)
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append((self.command, path, self.headers.get("Range", "")))
        self.server.bodies.append(self.body)
        try:
            self.route(path)
        except Refusal as refusal:
            status, code, message = refusal.args
            self.answer({"error": message}, status, {"X-Error-Code": code} if code else {}, message)

    do_HEAD = do_POST = do_PUT = do_GET

    def route(self, path: str) -> None:
        if self.server.status:
            raise Refusal(self.server.status, "", "down")
        self.check_token()
        for pattern, answer in ROUTES.items():
            if match := re.fullmatch(pattern, f"{self.command} {path}"):
                return answer(self, **match.groupdict())
        raise Refusal(404, "", f"no such route: {self.command} {path}")

    def check_token(self) -> None:
        given = self.headers.get("Authorization")
        self.known = given == f"Bearer {TOKEN}"
        if given and not self.known:
            raise Refusal(401, "", "Invalid credentials in Authorization header")

    def model(self, repo: str) -> Model:
        model = self.server.models.get(repo)
        if model is None or model.private and not self.known:
            raise Refusal(401, "RepoNotFound", "Repository not found")
        return model

    def commit_of(self, repo: str, revision: str) -> str:
        model = self.model(repo)
        name = model.branches.get(revision, revision)
        if name not in model.commits:
            raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return name

    def answer(
        self, content: Any, status: int = 200, more: dict[str, str] | None = None, error: str = ""
    ) -> None:
        """Send JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        headers = {"Content-Length": str(len(body)), "Content-Type": "application/json"}
        if error:
            headers["X-Error-Message"] = error
        for name, value in (headers | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def create(self) -> None:
        if not self.known:
            raise Refusal(401, "", "Invalid credentials in Authorization header")
        asked = json.loads(self.body)
        repo = f"{asked['organization']}/{asked['name']}"
        url, known = {"url": f"{self.server.url}/{repo}"}, repo in self.server.models
        if not known:
            self.server.models[repo] = Model(asked.get("visibility") == "private")
        self.answer(url, 409 if known else 200)

    def validate(self) -> None:
        self.answer({"errors": [], "warnings": []})

    def branch(self, repo: str, revision: str) -> None:
        model = self.model(repo)
        known = revision in model.branches
        model.branches.setdefault(revision, model.branches.get("main", ""))
        self.answer({}, 409 if known else 200)

    def preupload(self, repo: str, revision: str) -> None:
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(self.body)["files"]
        ]
        self.answer({"files": files})

    def batch(self, repo: str) -> None:
        href = f"{self.server.url}/large/"
        objects = [
            object | {"actions": {"upload": {"href": href + object["oid"]}}}
            for object in json.loads(self.body)["objects"]
        ]
        self.answer({"transfer": "basic", "objects": objects})

    def store(self, oid: str) -> None:
        assert hashlib.sha256(self.body).hexdigest() == oid
        self.server.large[oid] = self.body
        self.answer({})

    def commit(self, repo: str, revision: str) -> None:
        changes = {}
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                changes[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                changes[value["path"]] = self.server.large[value["oid"]]
        name = self.model(repo).commit(revision, changes)
        self.answer({"commitUrl": f"{self.server.url}/{repo}/commit/{name}", "commitOid": name})

    def info(self, repo: str, revision: str | None = None) -> None:
        model = self.model(repo)
        sha = self.commit_of(repo, revision or "main") if model.commits else None
        files = model.commits.get(sha or "", {})
        sizes = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
        self.answer({"id": repo, "sha": sha, "private": model.private, "siblings": sizes})

    def tree(self, repo: str, revision: str) -> None:
        files = self.model(repo).commits[self.commit_of(repo, revision)]
        self.answer([described(path, content) for path, content in sorted(files.items())])

    def resolve(self, repo: str, revision: str, path: str) -> None:
        commit = self.commit_of(repo, revision)
        content = self.model(repo).commits[commit].get(path)
        if content is None:
            raise Refusal(404, "EntryNotFound", "Entry not found")
        first = int(self.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0])
        self.send_response(206 if first else 200)
        self.send_header("ETag", f'"{described(path, content)["oid"]}"')
        self.send_header("X-Repo-Commit", commit)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - first))
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.command == "GET":
            self.send_body(path, content[first:])

    def send_body(self, path: str, content: bytes) -> None:
        cuts = self.server.cut.get(path)
        if cuts:
            content, self.close_connection = content[: cuts.pop(0)], True
        self.wfile.write(content)


def described(path: str, content: bytes) -> dict[str, Any]:
    """A file in the list of a commit's files."""
    entry = {"type": "file", "path": path, "size": len(content)}
    if not path.endswith(LARGE):
        return entry | {"oid": hashlib.sha1(content).hexdigest()}
    oid = hashlib.sha256(content).hexdigest()
    return entry | {"oid": oid, "lfs": {"oid": oid, "size": len(content), "pointerSize": 130}}


REPO, REVISION = "(?P<repo>[^/]+/[^/]+)", "(?P<revision>.+)"
ROUTES = {
    "POST /api/repos/create": Handler.create,
    "POST /api/validate-yaml": Handler.validate,
    f"POST /api/models/{REPO}/branch/{REVISION}": Handler.branch,
    f"POST /api/models/{REPO}/preupload/{REVISION}": Handler.preupload,
    f"POST /{REPO}.git/info/lfs/objects/batch": Handler.batch,
    "PUT /large/(?P<oid>.+)": Handler.store,
    f"POST /api/models/{REPO}/commit/{REVISION}": Handler.commit,
    f"GET /api/models/{REPO}": Handler.info,
    f"GET /api/models/{REPO}/revision/{REVISION}": Handler.info,
    f"GET /api/models/{REPO}/tree/{REVISION}": Handler.tree,
    f"(GET|HEAD) /{REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)": Handler.resolve,
}


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub that answers until the block ends."""
    hub = Hub()
    thread = Thread(target=hub.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()
