"""Lines as a stranger's file may hold them: rows of every form, and what is no row at all."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

_PIECES = [
    "\\boxed{", "}", "{", "\\frac{", "\\frac12", "\\sqrt[3]{", "\\pm ", "\\pmod{7}", "\\text{ cm}",
    "\\left(", "\\right)", "(", ")", "[", "]", "$", "$$", "\\(", "\\)", "\\[", "\\]", "%", "\\%",
    "^", "^{-1}", "_", "=", "<", "\\le ", "\\infty", "\\pi", "\\cup ", "x", "y", "n!", "i", "e^",
    "1", "2", "-3", "0.5", "1,000", "10^{99999}", "9" * 5000, "1/0", "0.\\overline{3}", "\u2212",
    "½", "٣", "\u202e", "\u0000", "\ud800", "𝟜", "\u00a0", "\n", "\n\n", "#### ", "The answer is ",
    "Answer: ", "<think>", "</think>", "<answer>", "</answer>", "<|im_end|>", "**", "`",
    "```python\n", "def f(x):\n    return x\n", "import os\n", "print(input())\n", "\n```\n", ". ",
    ", ", " and ", " or ", "\\begin{pmatrix}", "&", "\\\\", "\\end{pmatrix}", "A", "(B)", "None",
    "nan", "\\", "\\x", "'", '"', "{}", "\\boxed{}", "\\boxed{5}", "\\boxed 7", "1e400",
    "5 hours", "8:15 am",
]  # fmt: skip
_VALUES = [
    None, True, False, 0, -1, 2.5, 1e-7, "", " ", "5", "\ud800", [], {}, [[]], {"a": {}}, ["5"],
    "\\pmod", "x" * 3000, {"answer": "5"}, "\u0000", "1/0", "\\frac{", "}", "#### 5", "\\boxed{5}",
]  # fmt: skip
_RAW = [
    "NaN", "Infinity", "-Infinity", "9" * 5000, "-" + "9" * 20000, "1e999999999999999999999",
    "1E400", "-0.0", "0x5", "05", "'5'", "+5", "[" * 3000, '{"a":' * 3000, "[" * 900 + "]" * 900,
    "undefined", '"\\ud800"', '"\\udfff\\ud800"', '"\\x"',
    '"\x01"', '"tab\there"', '"', "\\", "nul", "{}{}", "",
]  # fmt: skip
_WORDS = ["id", "text", "gold", "tests"]


def lines(seed: int, count: int, programs: int) -> Iterator[bytes]:
    """`count` lines that are not blank, without their ends. `programs` of them come with tests."""
    chance = random.Random(seed)
    places = set(chance.sample(range(count), programs))
    for number in range(count):
        line = (_program if number in places else _row)(chance, number)
        line = line.replace(b"\n", b" ")
        yield line if line.strip() else b"."


def _row(chance: random.Random, number: int) -> bytes:
    row: dict[str, object] = {"id": number, "text": _soup(chance), "gold": _gold(chance)}
    kind = chance.random()
    if kind < 0.45:
        return json.dumps(row, ensure_ascii=chance.random() < 0.5).encode(errors="surrogatepass")
    if kind < 0.55:
        row[chance.choice(_WORDS)] = chance.choice(_VALUES)
        return _no_tests(row)
    if kind < 0.65:
        row.pop(chance.choice(_WORDS), None)
        row[_soup(chance)] = _soup(chance)
        return _no_tests(row)
    if kind < 0.75:
        return _raw_member(chance, number)
    if kind < 0.95:
        return _mutated(chance, json.dumps(row).encode())
    return chance.choice(
        [
            chance.randbytes(chance.randrange(1, 60)),
            chance.choice(_RAW).encode(),
            json.dumps(chance.choice(_VALUES)).encode(),
            b"\xef\xbb\xbf" + json.dumps(row).encode(),
            json.dumps(row).encode("utf-16"),
            json.dumps(row).encode() * 2,
        ]
    )


def _no_tests(row: dict[str, object]) -> bytes:
    """Tests that are an object would reach the sandbox, which takes its time."""
    if isinstance(row.get("tests"), dict):
        row["tests"] = []
    return json.dumps(row).encode()


def _raw_member(chance: random.Random, number: int) -> bytes:
    """One value, or a further one under the same name, as no serialiser writes it."""
    members = [("id", str(number)), ("text", json.dumps(_soup(chance))), ("gold", '"5"')]
    name, raw = chance.choice(["id", "text", "gold", "other", "id"]), chance.choice(_RAW)
    if chance.random() < 0.5:
        members = [(known, raw if known == name else value) for known, value in members]
    else:
        members.insert(chance.randrange(4), (name, raw))
    gap = chance.choice(["", " ", "\t", "\r"])
    return ("{" + ",".join(f'{gap}"{n}"{gap}:{v}{gap}' for n, v in members) + "}").encode()


def _mutated(chance: random.Random, line: bytes) -> bytes:
    """Cut off, or with some bytes gone, doubled or made up."""
    if chance.random() < 0.3:
        return line[: chance.randrange(len(line))]
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(line) + 1)
        made_up = chance.choice(
            [b"", b"", b'"', b"{", b"}", b"\\", b",", b"\xff", chance.randbytes(2)]
        )
        line = line[:at] + made_up + line[at + chance.randrange(3) :]
    return line


def _program(chance: random.Random, number: int) -> bytes:
    tests = chance.choice(
        [
            {"inputs": ["1\n"], "outputs": ["1\n"]},
            {"inputs": [[1], [2]], "outputs": [1, 2], "fn_name": "f"},
            {"inputs": [["a"]], "outputs": [[["a"]]], "fn_name": "f"},
            {"prompt": "def f(x):\n", "entry_point": "f", "test": "def check(c):\n    c(1)\n"},
            {"prompt": _soup(chance), "entry_point": "f", "test": _soup(chance)},
            {"setup": "", "asserts": ["assert f(1) == 1"]},
            {"setup": _soup(chance), "asserts": [_soup(chance)]},
            {"inputs": chance.choice(_VALUES), "outputs": chance.choice(_VALUES)},
            {"inputs": [chance.choice(_VALUES)], "outputs": [chance.choice(_VALUES)]},
            {"inputs": [chance.choice(_VALUES)], "outputs": [1], "fn_name": chance.choice(_VALUES)},
            {"entry_point": chance.choice(_VALUES)},
            {"asserts": chance.choice(_VALUES)},
            {_soup(chance): _soup(chance)},
        ]
    )
    text = chance.choice(
        ["print(input())", "def f(x):\n    return x", "    return x", _soup(chance)]
    )
    line = json.dumps({"id": number, "text": text, "tests": tests})
    return line.replace("[1]", f"[{chance.choice(_RAW)}]", chance.randrange(2)).encode()


def _soup(chance: random.Random) -> str:
    return "".join(chance.choices(_PIECES, k=chance.randrange(9)))


def _gold(chance: random.Random) -> object:
    """Mostly what string rules decide on."""
    draw = chance.random()
    if draw < 0.7:
        return chance.choice([str(chance.randrange(100)), chance.randrange(100), "0.5", "(1,2)"])
    return _soup(chance) if draw < 0.75 else chance.choice(_VALUES)
