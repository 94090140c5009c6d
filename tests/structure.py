"""The house's measures with their limits: ``python -m tests.structure``, status 1 if one is over.

A room is a folder of modules (the package's root is one too). Arrows and circles are those of the
static import graph, without imports under ``TYPE_CHECKING``; an import inside of a function counts.
"""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import grimp

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "mgf_brain"
FOLDER = ROOT / PACKAGE
# What a user who loads a model, or one task's folder, pays for.
ENTRANCES = [
    "import mgf_brain.pretraining.run",
    "import mgf_brain.inference",
    "from mgf_brain.nn import Probe",
    "import mgf_brain.tasks.verification.model_folder",
]
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Measure(NamedTuple):
    """A number, the bound it is held to (if any) and which file or function it is of."""

    name: str
    value: float | None
    most: float | None = None
    least: float | None = None
    note: str = ""

    @property
    def kept(self) -> bool:
        if self.value is None:
            return True
        return not (
            (self.most is not None and self.value > self.most)
            or (self.least is not None and self.value < self.least)
        )

    def __str__(self) -> str:
        value = "-" if self.value is None else f"{self.value:g}"
        limit = f"<= {self.most:g}" if self.most is not None else ""
        limit = f">= {self.least:g}" if self.least is not None else limit
        over = "" if self.kept else "OVER  "
        return f"{self.name:<73}{value:>8}  {limit:<8}{over}{self.note}".rstrip()


def files() -> list[Path]:
    """The library's modules."""
    return sorted(FOLDER.rglob("*.py"))


def spread(
    name: str, lengths: dict[str, int], middle: float | None, longest: float | None
) -> Iterator[Measure]:
    """Median and maximum of some lengths."""
    most = max(lengths, key=lambda key: lengths[key])
    yield Measure(f"{name}, median", median(lengths.values()), middle)
    yield Measure(f"{name}, longest", lengths[most], longest, note=most)


def sizes() -> Iterator[Measure]:
    """Files in a folder, and lines of a file."""
    folders = Counter(path.parent for path in files())
    largest = max(folders, key=lambda folder: folders[folder])
    yield Measure("files at the root", folders[FOLDER])
    yield Measure("files in the largest folder", folders[largest], note=_short(largest))
    lengths = {_short(path): len(path.read_text().splitlines()) for path in files()}
    yield Measure("lines in all", sum(lengths.values()))
    yield from spread("lines of a file", lengths, 120, 350)


def functions() -> Iterator[Measure]:
    """Lines of a function or a method: those that are code (or comment), and all from ``def``."""
    code: dict[str, int] = {}
    whole: dict[str, int] = {}
    for path in files():
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, Function):
                key = f"{_short(path)}:{node.lineno} {node.name}"
                lines = set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
                whole[key] = len(lines)
                code[key] = len(lines - _docstring_lines(node) - _blank_lines(text))
    yield from spread("lines of a function, no docstring and no blank line", code, 7, 60)
    yield from spread("lines of a function, with both", whole, None, None)


def doctests() -> Iterator[Measure]:
    """The share of public docstrings that hold an example."""
    found = [doc for path in files() if _public(path) for doc in _docstrings(path)]
    share = 100 * sum(">>>" in doc for doc in found) / len(found)
    yield Measure(
        "doctests, % of public docstrings", round(share, 1), least=50, note=f"of {len(found)}"
    )


def graph() -> Iterator[Measure]:
    """Rooms, arrows between them, and circles of modules."""
    found = grimp.build_graph(PACKAGE, exclude_type_checking_imports=True)
    rooms = {".".join(path.parent.relative_to(ROOT).parts) for path in files()}

    def room(module: str) -> str:
        return module if module in rooms else module.rpartition(".")[0]

    arrows = {
        (room(module), room(other))
        for module in found.modules
        for other in found.find_modules_directly_imported_by(module)
        if room(module) != room(other)
    }
    # A circle: all that a module reaches and that reaches it.
    circles = {
        frozenset(both | {module})
        for module in found.modules
        if (both := found.find_upstream_modules(module) & found.find_downstream_modules(module))
    }
    yield Measure("rooms", len(rooms))
    yield Measure("arrows between rooms", len(arrows))
    note = "; ".join(", ".join(sorted(circle)) for circle in circles)
    yield Measure("circles of modules", len(circles), 0, note=note)


def loaded(statement: str) -> set[str]:
    """Names of all modules that a statement brings into a fresh interpreter."""
    command = [sys.executable, "-c", f"import sys\n{statement}\nprint(*sys.modules, sep='\\n')"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n"))


def brought_in() -> Iterator[Measure]:
    """How many of our modules an entrance needs, packages left out."""
    paths = FOLDER.rglob("*.py")
    files = {".".join(p.relative_to(ROOT).with_suffix("").parts) for p in paths}
    for statement in ENTRANCES:
        yield Measure(f"modules brought in by {statement}", len(loaded(statement) & files))


def type_errors() -> Iterator[Measure]:
    """The type checker's count, of the library and of the recipes."""
    beside = str(Path(sys.executable).parent)
    checker = shutil.which("basedpyright", path=beside) or shutil.which("basedpyright")
    if checker is None:
        yield Measure("type errors", None, 0, note="basedpyright is not installed")
        return
    command = [checker, "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    yield Measure("type errors", json.loads(done.stdout)["summary"]["errorCount"], 0)


def _short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _public(path: Path) -> bool:
    names = path.relative_to(ROOT).with_suffix("").parts
    return not any(name.startswith("_") and name != "__init__" for name in names)


def _docstring_lines(node: Function) -> set[int]:
    first = node.body[0]
    if ast.get_docstring(node) is None:
        return set()
    return set(range(first.lineno, (first.end_lineno or first.lineno) + 1))


def _blank_lines(text: str) -> set[int]:
    return {number for number, line in enumerate(text.splitlines(), 1) if not line.strip()}


def _docstrings(path: Path) -> Iterator[str]:
    """Those of a module's public classes, functions and methods."""
    nodes: list[ast.stmt] = ast.parse(path.read_text()).body
    for node in nodes:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            if isinstance(node, ast.ClassDef):
                nodes.extend(node.body)
            if (doc := ast.get_docstring(node)) is not None:
                yield doc


def cheap() -> list[Measure]:
    """What is measured without a second interpreter."""
    return [*sizes(), *functions(), *doctests(), *graph()]


def main() -> int:
    """Print the table; the exit status."""
    found = [*cheap(), *brought_in(), *type_errors()]
    print(*found, sep="\n")
    return int(not all(measure.kept for measure in found))


if __name__ == "__main__":
    sys.exit(main())
