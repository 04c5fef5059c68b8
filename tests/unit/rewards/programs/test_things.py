"""Objects that programs return: asked about beside the program, never trusted to be equal."""

from collections.abc import Callable

import pytest

from restem.core.records import Verdict

Judge = Callable[[object, str], Verdict]

OWN = """
import enum, re
from dataclasses import dataclass
class Kind(enum.Enum):
    A = 1
    B = 2
@dataclass
class Pair:
    left: int
    right: object = None
class Bag:
    def __init__(self, *items): self.items = items
    def __len__(self): return len(self.items)
    def __iter__(self): return iter(self.items)
    def __getitem__(self, i): return self.items[i]
    def __str__(self): return 'Bag of %d' % len(self)
    def first(self, default=0): return self.items[0] if self.items else default
"""
# what f(x) returns, what is asserted, whether it holds
CASES: list[tuple[str, str, bool]] = [
    ("re.search('b+', x)", "f('abb')", True),
    ("re.search('b+', x)", "f('a')", False),
    ("re.search('b+', x)", "not f('a')", True),
    ("re.search('b+', x)", "f('abb').span() == (1, 3)", True),
    ("re.search('b+', x)", "f('abb').group(0) == 'b'", False),
    ("re.search('b+', x)", "f('abb') is not None and f('a') is None", True),
    ("re.search('b+', x)", "f('abb') == 'bb'", False),
    ("re.search('b+', x)", "f('abb') == f('abb')", False),
    ("[re.match('a', s) for s in x]", "[bool(m) for m in f(['a', 'b'])] == [True, False]", True),
    ("Kind.A", "f(1).name == 'A' and f(1).value == 1", True),
    ("Kind.A", "f(1) == f(2)", True),
    ("Kind(x)", "f(1) == f(2)", False),
    ("Pair(x)", "f(1) == f(1)", True),
    ("Pair(x)", "f(1) == f(2)", False),
    ("Pair(1, Pair(x))", "f(2).right.left == 2", True),
    ("Bag(x, 2)", "len(f(1)) == 2 and list(f(1)) == [1, 2] and f(5)[0] == 5", True),
    ("Bag(x, 2)", "str(f(1)) == 'Bag of 2'", True),
    ("Bag(x, 2)", "f(1) == f(1)", False),
    ("Bag()", "f(1)", False),
    ("Bag()", "f(1).first(default=7) == 7", True),
    ("lambda y: x + y", "f(3)(4) == 7", True),
    ("lambda y: x + y", "f(3)(4) == 8", False),
]


@pytest.mark.parametrize(("result", "claim", "holds"), CASES)
@pytest.mark.parametrize("asserted", [True, False])
def test_claims_about_objects(
    judge: Judge, result: str, claim: str, holds: bool, asserted: bool
) -> None:
    """As MBPP asserts it, and as a test of HumanEval does."""
    program = f"{OWN}\ndef f(x):\n    return {result}\n"
    check = f"def check(f):\n    assert {claim}\n"
    tests: dict[str, object] = {"asserts": [f"assert {claim}"]}
    if not asserted:
        tests = {"prompt": "def f(x):\n    '''Of x.'''\n", "entry_point": "f", "test": check}
    verdict = judge(tests, program)
    assert verdict.outcome == ("correct" if holds else "wrong"), verdict


AGREES = """
class Yes:
    def __eq__(self, other): return True
    def __ne__(self, other): return True
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __contains__ = __lt__
    def __getattr__(self, name):
        if name.startswith('__'): raise AttributeError(name)
        return lambda *a, **k: [] if 'difference' in name else True
    def __sub__(self, other): return 0
def f(x): return Yes()
"""


@pytest.mark.parametrize(
    "claim",
    [
        "f(1) == 2", "2 == f(1)", "f(1) > 2", "2 in f(1)", "abs(f(1) - 2) < 1e-9",
        "f(1) in (2, 3)", "f('a').startswith('b')", "f('a').isdigit()", "f(1).issubset({2})",
        "not f(1).difference({2})", "not f(1).symmetric_difference({2})",
        "f(1) == f(2) == 3", "sorted(f(1)) == [2]", "isinstance(f(1), int)", "f(1)[0] == 2",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["f", "candidate"])
def test_objects_that_agree_with_everything_earn_nothing(
    judge: Judge, claim: str, name: str
) -> None:
    tests: dict[str, object] = {"asserts": [f"assert {claim}"]}
    if name == "candidate":
        check = f"def check(f):\n    assert {claim}\n"
        tests = {"prompt": "def f(x):\n    '''Of x.'''\n", "entry_point": "f", "test": check}
    verdict = judge(tests, AGREES)
    assert (verdict.reward, verdict.outcome in ("wrong", "runtime_error")) == (0.0, True), verdict


HEAD = "import enum\nclass Kind(enum.Enum):\n    A = 1\n    B = 2\n\ndef f(x):\n    '''Of x.'''\n"


def test_members_of_the_prompts_enum_are_equal(judge: Judge) -> None:
    test = "def check(f):\n    assert f(1) == Kind.A\n    assert f(2) != Kind.A\n"
    tests = {"prompt": HEAD, "entry_point": "f", "test": test}
    assert judge(tests, "    return Kind(x)\n").outcome == "correct"
    assert judge(tests, "    return Kind.B\n").outcome == "wrong"
