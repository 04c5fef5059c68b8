r"""The part of a completion that is meant for the reader: no reasoning, no end tokens.

    <think>12? No.</think>\n\nThe answer is 15.<|im_end|>   ->  The answer is 15.
    So 3? No.\n</think>\nThe answer is 4.                   ->  The answer is 4.
    <think>So far \boxed{12}                                ->  None  (never closed)

What stands before the last closing marker is reasoning, also where the prompt has opened it, and
earns nothing: a text that ends with its reasoning says nothing. A marker next to a quote or a
backtick is talked about, not used, so that programs that handle markers stay whole.
"""

from __future__ import annotations

import re

_NAMES = "think|thinking|thought|thoughts|reasoning|reason|analysis|reflection|seed:think"
# A quote or a single backtick beside a marker; three backticks are a fence.
_USED = r"(?<!['\"])(?<![^`]`)"
_ENDS = r"(?!['\"]|`(?!``))"
_OPENS = re.compile(
    rf"{_USED}(?:<(?:{_NAMES})>|\[THINK\]|◁think▷|<\|begin_of_thought\|>"
    r"|<\|channel\|>analysis<\|message\|>)" + _ENDS
)
_CLOSES = re.compile(
    rf"{_USED}(?:</(?:{_NAMES})>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>"
    r"|<\|channel\|>final<\|message\|>)" + _ENDS
)
# Special tokens end the turn; what follows is another turn that the model made up.
_TURN_ENDS = re.compile(
    _USED + r"(?:<\|(?:im_end|endoftext|end_of_text|eot_id|eom_id|end|eos|return"
    r"|end_of_sentence)\|>|<｜end▁of▁sentence｜>)" + _ENDS
)
_MARKS = (
    *(f"{name}>" for name in _NAMES.split("|")),
    *("THINK]", "◁", "<|", "<｜", "</s>", "<eos>", "<end_of_turn>", "EOS]"),
)
"""One of these stands in every text with a marker: finding none is quick."""
_LAST_TOKENS = re.compile(r"\s*(?:</s>|<eos>|<end_of_turn>|\[/?EOS\])\s*\Z")


def reply(text: str) -> str | None:
    """The text after the reasoning, up to the end of the turn; None if the reasoning never ends.

    A text without markers comes back as it is. Linear in its length.
    """
    if not any(mark in text for mark in _MARKS):
        return text
    closed = max((found.end() for found in _CLOSES.finditer(text)), default=0)
    return None if _OPENS.search(text, closed) else _one_turn(text[closed:])


def _one_turn(text: str) -> str:
    end = _TURN_ENDS.search(text)
    if end is not None:
        text = text[: end.start()]
    while found := _LAST_TOKENS.search(text[-40:]):
        text = text[: len(text) - len(found[0])]
    return text
