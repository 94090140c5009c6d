"""Decoding: the beam is the likeliest text, and a language model weighs its words."""

from __future__ import annotations

import itertools
import math
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.inference.tokens import SentencePieceTokens, Tokens
from mgf_brain.tasks.transcription import decoding
from mgf_brain.tasks.transcription.decoding import beam_search, greedy, refuse_other_words

ARPA = """\\data\\
ngram 1=5
ngram 2=2

\\1-grams:
-2.0\t<unk>
-1.0\t<s>\t-0.3
-1.0\t</s>
-1.0\tBEAR\t-0.3
-3.0\tBARE\t-0.3

\\2-grams:
-0.1\t<s> BEAR
-3.0\t<s> BARE

\\end\\
"""


def peaked(numbers: list[int], count: int, rest: float = -9.0) -> torch.Tensor:
    """Log-probabilities (slots, tokens) that leave little doubt, a blank between all symbols."""
    scores = torch.full((2 * len(numbers) + 1, count), rest)
    scores[::2, 0] = 0.0
    for place, number in enumerate(numbers):
        scores[2 * place + 1, number] = 0.0
    return scores.log_softmax(-1)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> SentencePieceTokens:
    texts = ["WE CALL IT BEAR", "CALL WE"] * 3
    return SentencePieceTokens.train(texts, 14, tmp_path_factory.mktemp("units") / "u.model")


@pytest.mark.parametrize("kind", ["characters", "units"])
def test_without_doubt_the_beam_writes_what_greedy_does(kind: str, units):
    tokens = units if kind == "units" else Tokens.of(["WE CALL IT BEAR"])
    scores = peaked(tokens.encode("WE CALL IT"), len(tokens))
    assert greedy(tokens)(scores) == "WE CALL IT"
    assert beam_search(tokens, 5, None, 0.5, 1.5)(scores) == "WE CALL IT"


def test_the_beam_adds_up_paths_of_one_text():
    """P(A) = 0.4 * 0.4 + 2 * 0.4 * 0.6 = 0.64 by three paths; the likeliest path is empty: 0.36."""
    tokens = Tokens.of(["A"])
    scores = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()
    assert greedy(tokens)(scores) == ""
    assert beam_search(tokens, 5, None, 0.0, 0.0)(scores) == "A"


def test_a_language_model_decides_between_words_that_sound_alike(tmp_path: Path):
    pytest.importorskip("kenlm")
    pytest.importorskip("pygtrie")
    (tmp_path / "lm.arpa").write_text(ARPA)
    tokens = Tokens.of(["BEAR", "BARE"])
    scores = torch.full((9, len(tokens)), -4.0)
    scores[::2, 0] = 0.0
    for slot, (likely, other) in zip((1, 3, 5, 7), ("BB", "AE", "RA", "ER"), strict=True):
        scores[slot, tokens.numbers[other]] = -0.2
        scores[slot, tokens.numbers[likely]] = 0.0
    scores = scores.log_softmax(-1)
    assert greedy(tokens)(scores) == "BARE"
    assert beam_search(tokens, 20, None, 0.5, 1.5)(scores) == "BARE"
    assert beam_search(tokens, 20, str(tmp_path / "lm.arpa"), 2.0, 1.5)(scores) == "BEAR"


def test_a_language_model_without_kenlm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "lm.arpa").write_text(ARPA)
    monkeypatch.setitem(sys.modules, "kenlm", None)
    with pytest.raises(
        UserError, match=r"lm: kenlm or pygtrie is missing. Run pip install .*\[lm\]"
    ):
        beam_search(Tokens.of(["A"]), 5, str(tmp_path / "lm.arpa"), 0.5, 1.5)


UNPRUNED = {"beam_prune_logp": -math.inf, "token_prune_min_logp": -math.inf}
FULL = """\\data\\
ngram 1=6
ngram 2=3

\\1-grams:
-2.0\t<unk>
-1.0\t<s>\t-0.3
-1.0\t</s>
-0.6\tA\t-0.2
-1.2\tŻB\t-0.1
-0.9\tŻ

\\2-grams:
-0.1\t<s> ŻB
-0.9\tŻB A
-0.2\tA Ż

\\end\\
"""


def likeliest(scores: torch.Tensor, names: list[str], weigh=lambda text: 0.0) -> str:
    """By adding up all paths of each text, spaces at its ends or side by side counting for one."""
    total: dict[str, float] = defaultdict(lambda: -math.inf)
    for path in itertools.product(range(len(names)), repeat=len(scores)):
        text = "".join(names[k] for k, _ in itertools.groupby(path) if k)
        text = " ".join(text.split())
        score = sum(scores[slot, k].item() for slot, k in enumerate(path))
        total[text] = np.logaddexp(total[text], score)
    return max(total, key=lambda text: total[text] + weigh(text))


@pytest.mark.parametrize("letters", ["ŻB", "你好"])
@pytest.mark.parametrize("seed", range(6))
def test_a_beam_without_limits_is_the_likeliest_text(monkeypatch, seed: int, letters: str):
    unlimited(monkeypatch)
    draw = torch.Generator().manual_seed(seed)
    scores = 1.5 * torch.randn(5, 4, generator=draw, dtype=torch.float64)
    tokens = Tokens([" ", *letters])
    scores = scores.log_softmax(-1)
    made = beam_search(tokens, 10_000, None, 0.0, 0.0)(scores)
    assert made == likeliest(scores, tokens.names)


@pytest.mark.parametrize("seed", range(6))
def test_a_beam_without_limits_weighs_words_as_the_language_model_does(
    monkeypatch, tmp_path: Path, seed: int
):
    kenlm = pytest.importorskip("kenlm")
    pytest.importorskip("pygtrie")
    unlimited(monkeypatch)
    (tmp_path / "lm.arpa").write_text(FULL, encoding="utf-8")
    model = kenlm.Model(str(tmp_path / "lm.arpa"))

    def weigh(text: str) -> float:
        """The words' log-probabilities, unknown ones lowered, and a bonus each."""
        words = text.split()
        logs = [score for score, _, _ in model.full_scores(text, bos=True, eos=False)]
        unknown = [10.0 * (word not in model) for word in words]
        return sum(0.7 * (s - u) * math.log(10) + 0.4 for s, u in zip(logs, unknown, strict=True))

    draw = torch.Generator().manual_seed(seed)
    scores = (2 * torch.randn(5, 5, generator=draw, dtype=torch.float64)).log_softmax(-1)
    tokens = Tokens(" ABŻ")
    made = beam_search(tokens, 10_000, str(tmp_path / "lm.arpa"), 0.7, 0.4)(scores)
    assert made == likeliest(scores, tokens.names, weigh)


def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the searcher keep the unlikely too."""
    searcher = partial(decoding.CTCBeamSearcher, **UNPRUNED)
    monkeypatch.setattr(decoding, "CTCBeamSearcher", searcher)


def test_words_of_a_language_model_in_another_case_are_none(tmp_path: Path):
    (tmp_path / "lm.arpa").write_text(FULL, encoding="utf-8")
    refuse_other_words(str(tmp_path / "lm.arpa"), ["ŻB C"])
    with pytest.raises(UserError, match="lm.arpa has no word of the transcripts, such as a"):
        refuse_other_words(str(tmp_path / "lm.arpa"), ["żb a"])


@pytest.mark.parametrize("text", [b"", b"no model", b"\\data\\\nngram 1=5\n", bytes(range(256))])
def test_what_is_no_language_model_is_named(tmp_path: Path, text: bytes):
    pytest.importorskip("kenlm")
    pytest.importorskip("pygtrie")
    (tmp_path / "lm.arpa").write_bytes(text)
    with pytest.raises(UserError, match="lm: .*lm.arpa is no n-gram model"):
        beam_search(Tokens.of(["A B"]), 5, str(tmp_path / "lm.arpa"), 0.5, 1.5)
