"""Chunks that cover a recording once, and what is joined of them."""

from __future__ import annotations

import pytest

from mgf_brain.nn.chunks import cut_chunks


@pytest.mark.parametrize("overlap", [0, 1, 4, 5, 9])
def test_chunks_cover_every_unit_once(overlap: int):
    for count in range(1, 60):
        chunks = cut_chunks(count, 10, overlap)
        kept = [unit for c in chunks for unit in range(c.keep_from, c.keep_to)]
        assert kept == list(range(count))
        for c in chunks:
            assert 0 <= c.start <= c.keep_from < c.keep_to <= c.stop <= count
            assert c.stop - c.start <= 10
            assert c.start == 0 or c.keep_from - c.start == overlap // 2
            assert c.stop == count or c.stop - c.keep_to == overlap - overlap // 2
