"""`script.py <file>.yaml --help`: every key of the yaml files, and SpeechBrain's run options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar

from mgf_brain.kinds import describe
from mgf_brain.run.keys import RUN_OPTIONS, Key, Keys, section
from mgf_brain.run.overrides import tag_of
from mgf_brain.run.yaml_files import INCLUDE, read_tree

HEADING = re.compile(r"^#+ (\w.*\w) #+$")
KEY = re.compile(r"^(\w+):")


def print_help(trees: Mapping[Path, CommentedMap], keys: Keys) -> None:
    """Print the keys of a run: the main yaml file's first, with its headings, then its base's.

    Arguments
    ---------
    trees : mapping of Path to CommentedMap
        As of ``read_each``.
    keys : mapping of str to Key
        Of these files.

    Example
    -------
    >>> path = Path("hparams/data/WSJ.yaml")
    >>> print_help({path: read_tree(path)}, {})  # doctest: +ELLIPSIS
    usage: <script>.py hparams/data/WSJ.yaml [--key value …]
    <BLANKLINE>
    hparams/data/WSJ.yaml
      --corpus WSJ
          a key of yours: a value of the default's kind
    ...
    """
    bases, data = ([p for p in trees if (p.parent.name == "data") == own] for own in (False, True))
    main, *files = [*reversed(bases), *data] or data
    print(f"usage: <script>.py {main} [--key value …]")
    seen, above = set(), ""
    for path in (main, *files):
        print(f"\n{path}")
        for heading, name in _in_order(path, trees[path]):
            if name in seen:
                continue
            if heading != above:
                print(f" {heading}")
                above = heading
            print(*_lines(f"--{name}", trees[path][name], keys.get(name), main.parent), sep="\n")
            seen.add(name)
    print("\nSpeechBrain's run options")
    for name, option in RUN_OPTIONS.items():
        if name not in seen:
            print(*_explained(f"  --{name}", option), sep="\n")


def _in_order(path: Path, tree: CommentedMap) -> Iterator[tuple[str, str]]:
    """The keys of a file, each with the heading above it, "" for none."""
    left, heading = dict.fromkeys(tree), ""
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        if found := HEADING.match(line):
            heading = found[1]
        elif (key := KEY.match(line)) and key[1] in left:
            del left[key[1]]
            yield heading, key[1]
    for name in left:  # written in another way: quoted, or in braces
        yield heading, name


def _lines(name: str, default: Any, key: Key | None, beside: Path) -> Iterator[str]:
    """A key, its default, its kind and its sentence; below it the keys of its mapping."""
    yield from _explained(f"  {name} {_text(default)}", key)
    tag = tag_of(default)
    if key is None or key.section is None:
        return
    name = name.removeprefix("--")
    parts, inside = default if isinstance(default, CommentedMap) else {}, beside
    if tag.startswith(INCLUDE):
        path = beside / tag.removeprefix(INCLUDE)
        parts, inside = {**read_tree(path), **parts}, path.parent
    for part, value in parts.items():
        within = section(key.section).get(part)
        yield from ("  " + line for line in _lines(f"{name}[{part}]", value, within, inside))


def _explained(line: str, key: Key | None) -> Iterator[str]:
    yield line
    if key is None:
        yield "      a key of yours: a value of the default's kind"
        return
    free = "; a run may go on with another" if key.free else ""
    yield f"      {describe('object' if key.section else key.kind)}: {key.sentence}{free}"


def _text(default: Any) -> str:
    """A default as the command line takes it, or what it refers to."""
    tag = tag_of(default)
    if tag == "!PLACEHOLDER":
        return "(must be given)"
    if tag == "!ref":
        return f"(from {re.sub(r'[<>]', '', str(default.value))})"
    if tag:
        return f"({re.sub('^!(new|name|apply|include):', '', tag)})"
    if isinstance(default, (CommentedMap, TaggedScalar)):
        return "(a mapping)"
    if isinstance(default, CommentedSeq):
        return f"[{', '.join(map(str, default))}]"
    return (
        str(default).lower()
        if isinstance(default, bool)
        else str("null" if default is None else default)
    )
