"""Find stop strings in text that is still being generated, without decoding it after every token.

A token can only complete a stop string if the text it adds contains the last character of that
string. Those tokens are looked up once per vocabulary; only rows that draw one of them are looked
at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

_BROKEN = "\ufffd"  # what a piece of a multi-byte character decodes to


def decode(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    """Text of generated tokens: special tokens left out, spaces as they are."""
    text: str = tokenizer.decode(
        list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return text


def cut(text: str, stop: Iterable[str]) -> str | None:
    """`text` up to the first stop string; None if it contains none."""
    ends = [at for s in stop if s and (at := text.find(s)) >= 0]
    return text[: min(ends)] if ends else None


class StopFinder:
    """Which tokens may complete a stop string, and whether they did."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, vocabulary: int) -> None:
        """vocabulary: size of the model's output, which may exceed the tokenizer's."""
        self._tokenizer = tokenizer
        self._pieces = _pieces(tokenizer, vocabulary)
        self._suspects: dict[frozenset[str], Tensor] = {}

    def suspects(self, stops: Iterable[tuple[str, ...]]) -> Tensor | None:
        """bool [V], the tokens after which `ended` must be asked; None where there is nothing to
        find."""
        import torch

        last = frozenset(s[-1] for stop in set(stops) for s in stop if s)
        if last and last not in self._suspects:
            wanted = last | {_BROKEN}
            flags = [not wanted.isdisjoint(piece) for piece in self._pieces]
            self._suspects[last] = torch.tensor(flags)
        return self._suspects.get(last)

    def ended(self, ids: Sequence[int], stop: tuple[str, ...]) -> str | None:
        """The text before the first stop string if `ids` contain one that the last token completed,
        else None."""
        reach, tail = max(map(len, stop), default=0) + len(self._pieces[ids[-1]]), ""
        for token in reversed(ids):
            tail = self._pieces[token] + tail
            if len(tail) >= reach:
                break
        if _BROKEN in tail or any(s in tail for s in stop if s):
            return cut(decode(self._tokenizer, ids), stop)
        return None


def _pieces(tokenizer: PreTrainedTokenizerBase, vocabulary: int) -> list[str]:
    """The text every token adds after an ordinary one; `_BROKEN` where that cannot be said for a
    token alone."""
    known = min(vocabulary, len(tokenizer))
    alone = (decode(tokenizer, [i]) for i in range(known))
    anchor = next((i for i, text in enumerate(alone) if text.isascii() and text.isalnum()), None)
    head = [] if anchor is None else [anchor]
    before = decode(tokenizer, head)
    texts = [decode(tokenizer, [*head, i]) for i in range(known)]
    pieces = [t[len(before) :] if t.startswith(before) else _BROKEN for t in texts]
    return pieces + [""] * (vocabulary - known)
