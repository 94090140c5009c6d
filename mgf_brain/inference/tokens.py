"""What a recogniser writes: characters, SentencePiece units or phones; number 0 is CTC's blank."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import sentencepiece

from mgf_brain.errors import UserError

BLANK = "<blank>"
LONGEST_TEXT = 4192  # bytes; longer ones SentencePiece passes over unless told otherwise


class Tokens:
    """Symbols of a fixed list.

    Arguments
    ---------
    symbols : iterable of str
        Without the blank.
    separator : str
        Between symbols in a text: "" for characters, " " for phones.

    Example
    -------
    >>> phones = Tokens(["AA", "B"], separator=" ")
    >>> phones.encode("B AA"), phones.decode([2, 1]), len(phones)
    ([2, 1], 'B AA', 3)
    """

    def __init__(self, symbols: Iterable[str], separator: str = "") -> None:
        self.names = [BLANK, *symbols]
        self.separator = separator
        self.numbers = {name: number for number, name in enumerate(self.names)}

    @classmethod
    def of(cls, texts: Iterable[str], separator: str = "") -> Tokens:
        """The symbols of training texts, in alphabetical order.

        Example
        -------
        >>> Tokens.of(["BA", "AC"]).names
        ['<blank>', 'A', 'B', 'C']
        """
        texts = list(texts)
        symbols = {s for text in texts for s in (text.split(separator) if separator else text)}
        return cls(sorted(symbols), separator)

    def __len__(self) -> int:
        """Symbols and the blank."""
        return len(self.names)

    def encode(self, text: str) -> list[int]:
        """Numbers of a text's symbols; those that training never had are left out."""
        symbols = text.split(self.separator) if self.separator else text
        return [self.numbers[symbol] for symbol in symbols if symbol in self.numbers]

    def decode(self, numbers: Sequence[int]) -> str:
        """The text of symbols."""
        return self.separator.join(self.names[number] for number in numbers)


class SentencePieceTokens:
    """Units of a SentencePiece model, each one number higher than in the model.

    Arguments
    ---------
    path : Path
        The model, ``*.model``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = sentencepiece.SentencePieceProcessor(model_file=str(path))
        pieces = [self.model.id_to_piece(i) for i in range(self.model.get_piece_size())]
        self.names = [BLANK, *pieces]

    @classmethod
    def train(cls, texts: Iterable[str], size: int, path: Path) -> SentencePieceTokens:
        """Train a unigram model on texts and write it; it tells all their letters apart.

        Raises
        ------
        UserError
            If the texts are too few for so many units, or have more characters than that.

        Example
        -------
        >>> path = getfixture("tmp_path") / "units.model"
        >>> units = SentencePieceTokens.train(["ONE TWO", "TWO ONE ONE"], size=9, path=path)
        >>> len(units), units.decode(units.encode("TWO ONE"))
        (10, 'TWO ONE')
        """
        texts, model = list(texts), io.BytesIO()
        options: dict[str, Any] = {}  # where SentencePiece's own would lose something
        if any(text != unicodedata.normalize("NFKC", text) for text in texts):
            options["normalization_rule_name"] = "identity"
        if (longest := max(len(text.encode()) for text in texts)) > LONGEST_TEXT:
            options["max_sentence_length"] = longest
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(texts),
                model_writer=model,
                vocab_size=size,
                model_type="unigram",
                character_coverage=1.0,
                minloglevel=2,
                **options,
            )
        except RuntimeError as error:
            change = "fewer" if "too high" in str(error) else "more"  # than characters
            raise UserError(f"units: {size} do not fit the transcripts; pass {change}.") from error
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model.getvalue())
        return cls(path)

    def __len__(self) -> int:
        """Units and the blank."""
        return len(self.names)

    def encode(self, text: str) -> list[int]:
        """Numbers of a text's units."""
        return [number + 1 for number in self.model.encode(text)]

    def decode(self, numbers: Sequence[int]) -> str:
        """The text of units."""
        return self.model.decode([number - 1 for number in numbers])


def best_path(numbers: Sequence[int]) -> list[int]:
    """What the likeliest symbol of every slot says: repeats merged, blanks dropped.

    Example
    -------
    >>> best_path([0, 3, 3, 0, 3, 5, 5])
    [3, 3, 5]
    """
    merged = [n for n, before in zip(numbers, [0, *numbers], strict=False) if n != before]
    return [number for number in merged if number]
