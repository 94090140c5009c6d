"""Damage to texts, JSON and bytes, as disks, kills and other hands do it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

DEEP = 100_000  # levels
ODD_NUMBERS = (0, -1, -4, 3, 10**5, 10**9, 10**30, 0.5, -0.0, 1e308, float("nan"), float("inf"))
ODD_VALUES = (*ODD_NUMBERS, None, True, "", "text", "$x$", "\x1b[2J", "语音", [], [1], {}, {"a": 1})
ODD_LINES = ("- a", "&a a: *a", "? x", "a: !!int x", "a: !apply:os.getcwd []", "<<: {a: 1}", "\t")


@st.composite
def damaged_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Cut short, some bytes changed, or some put in."""
    kind = draw(st.sampled_from(("cut", "change", "insert")))
    place = draw(st.integers(0, max(0, len(content) - 1)))
    if kind == "cut":
        return content[:place]
    more = draw(st.binary(min_size=1, max_size=8))
    end = place + (len(more) if kind == "change" else 0)
    return content[:place] + more + content[end:]


@st.composite
def damaged_json(draw: st.DrawFn, content: Any) -> bytes:
    """One or two values of a tree gone or replaced, or the file itself damaged."""
    tree = json.loads(json.dumps(content))
    for _ in range(draw(st.integers(1, 2))):
        places = list(_places(tree))
        if places:
            parent, key = draw(st.sampled_from(places))
            if draw(st.booleans()):
                parent[key] = draw(st.sampled_from(ODD_VALUES))
            else:
                del parent[key]
    text = json.dumps(tree).encode()
    deep = b"[" * DEEP
    whole = st.sampled_from((b"", b"[]", b"NaN", b"{}", deep, b'{"metrics": ' + deep, b"\xff\xfe"))
    return draw(st.one_of(st.just(text), st.just(text), damaged_bytes(text), whole))


def _places(tree: Any) -> list[tuple[Any, Any]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    places = []
    for key, value in list(items):
        places.append((tree, key))
        if isinstance(value, (dict, list)):
            places += _places(value)
    return places


@st.composite
def damaged_yaml(draw: st.DrawFn, text: str) -> bytes:
    """A value replaced, a line gone, doubled or odd, or the file itself damaged."""
    lines = text.splitlines()
    place = draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[place].partition(": ")
    odd = draw(st.sampled_from(ODD_VALUES).map(json.dumps) | st.sampled_from(ODD_LINES))
    change: Callable[[], list[str]] = draw(
        st.sampled_from(
            (
                lambda: [f"{key}{colon}{odd}"],
                lambda: [f"{key}{colon}{odd}"],
                lambda: [],
                lambda: [lines[place]] * 2,
                lambda: [lines[place], odd],
                lambda: [f"{key}: " + "[" * DEEP],
            )
        )
    )
    made = "\n".join([*lines[:place], *change(), *lines[place + 1 :], ""]).encode()
    return draw(st.one_of(st.just(made), st.just(made), damaged_bytes(made)))
