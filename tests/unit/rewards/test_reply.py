"""Reasoning earns nothing, and what follows it stays as it was written."""

from __future__ import annotations

import pytest

from restem.rewards.reply import reply

TABLE = [
    ("The answer is 15.", "The answer is 15."),
    ("<think>12? No.</think>The answer is 15.", "The answer is 15."),
    ("So 3? No.\n</think>\nThe answer is 4.", "\nThe answer is 4."),
    ("<think>a</think>5<think>b</think>6", "6"),
    (r"<think>So far \boxed{12}", None),
    ("5\n<think>or 6?", None),
    (r"The answer is 5. <think>Or \boxed{6}?", None),
    (r"\boxed{5}<think>check</think>", ""),
    ("[THINK]a[/THINK]b", "b"),
    ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b", "b"),
    ("<|channel|>analysis<|message|>a<|end|>", None),
    ("The answer is 42</s>", "The answer is 42"),
    ("42<|im_end|>\n<|im_start|>user\nand 43?", "42"),
    ("42 <end_of_turn>\n<eos>", "42"),
    ("return text.split('</think>')[-1]", "return text.split('</think>')[-1]"),
    ("print('<|im_end|>')", "print('<|im_end|>')"),
    ("Use `<think>` with care: 5", "Use `<think>` with care: 5"),
    ("<think>```\nx\n```</think>```\ny\n```", "```\ny\n```"),
    ("```\ny\n```<|im_end|>", "```\ny\n```"),
    ("x < 3 and y > 2", "x < 3 and y > 2"),
    ("    return x + 1\n", "    return x + 1\n"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "wanted"), TABLE)
def test_only_what_follows_the_reasoning_is_a_reply(text: str, wanted: str | None) -> None:
    assert reply(text) == wanted
