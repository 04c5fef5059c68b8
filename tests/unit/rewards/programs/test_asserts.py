"""Which parts of asserts are the program's."""

import ast

import pytest

from restem.rewards.programs.asserts import ASK, Plan, Unsplittable, plan

TREE = "root = Node(1)\nroot.left = Node(2)\nlimit = 3\nimport math\n"


def rewritten(made: Plan) -> list[str]:
    """The asserts, with each site's name followed by its source."""
    texts = [ast.unparse(tree) for tree in made.asserts]
    for i, source in enumerate(made.sites):
        texts = [text.replace(ASK.format(i) + "()", f"<{source}>") for text in texts]
    return texts


# set-up, assert, functions asked of the program, the assert in world B
CASES = [
    ("", "assert f(3) == 4", {"f"}, "assert f(3) == 4"),
    ("", "assert f(g(3)) == h", {"f", "g"}, "assert <f(g(3))> == h"),
    ("", "assert f([Pair(1, 2)]) == 3", {"f", "Pair"}, "assert <f([Pair(1, 2)])> == 3"),
    ("", "assert f(g(x) for x in (1,)) == 3", {"f", "g"}, "assert <f((g(x) for x in (1,)))> == 3"),
    ("", "assert [f(g(x)) for x in (1,)] == 3", {"f", "g"}, "assert [f(g(x)) for x in (1,)] == 3"),
    ("", "assert f(g, 3) == 3", {"f", "g"}, "assert <f(g, 3)> == 3"),
    ("", "assert f(g, key=h) == h", {"f", "g", "h"}, "assert <f(g, key=h)> == h"),
    ("", "assert max(f(3), key=g) == 3", {"f", "g"}, "assert max(f(3), key=g) == 3"),
    ("", "assert f(3) == max(g)", {"f"}, "assert f(3) == max(g)"),
    ("", "assert f(3) == g(3)", {"f", "g"}, "assert f(3) == g(3)"),
    ("", "assert set(f([1])) == set([1])", {"f"}, "assert set(f([1])) == set([1])"),
    ("", "assert [f(x) for x in (1, 2)] == [1]", {"f"}, "assert [f(x) for x in (1, 2)] == [1]"),
    ("", "assert list(map(f, [1])) == [1]", {"f"}, "assert list(map(f, [1])) == [1]"),
    ("", "assert sum(10, 15) == 6", {"sum"}, "assert sum(10, 15) == 6"),
    ("", "assert f((1,)) == sys.getsizeof((1,))", {"f"}, "assert f((1,)) == sys.getsizeof((1,))"),
    ("", "assert f('a').upper() == 'B'", {"f"}, "assert f('a').upper() == 'B'"),
    ("", "assert f(3)[0] == 4", {"f"}, "assert f(3)[0] == 4"),
    ("", "assert Node(3).data == 3", {"Node"}, "assert <Node(3).data> == 3"),
    ("", "assert A().f(3)[0] == 3", {"A"}, "assert <A().f(3)[0]> == 3"),
    ("", "assert f(lambda x: x, 3) == 3", {"f"}, "assert <f(lambda x: x, 3)> == 3"),
    ("", "assert isinstance(f(1), Node)", {"f", "Node"}, "assert <isinstance(f(1), Node)>"),
    ("", "assert isinstance(f(1), int)", {"f"}, "assert isinstance(f(1), int)"),
    (TREE, "assert f(root) == False", {"f"}, "assert <f(root)> == False"),
    (TREE, "assert abs(f(root)) == limit", {"f"}, "assert abs(<f(root)>) == limit"),
    (TREE, "assert root.left.data == 2", set(), "assert <root.left.data> == 2"),
    (TREE, "assert f(limit) == math.ceil(2.1)", {"f"}, "assert f(limit) == math.ceil(2.1)"),
    ("def twice(x):\n    return f(f(x))", "assert twice(3) == 3", set(), "assert <twice(3)> == 3"),
    ("def ones(n):\n    return [1] * n", "assert f(ones(3)) == 3", {"f"}, "assert f(ones(3)) == 3"),
]


@pytest.mark.parametrize(("setup", "line", "functions", "expected"), CASES)
def test_parts_of_an_assert(setup: str, line: str, functions: set[str], expected: str) -> None:
    made = plan(setup, [line])
    assert made.functions == functions
    assert rewritten(made) == [expected]


def test_setup_keeps_what_does_without_the_program() -> None:
    assert ast.unparse(plan(TREE, ["assert f(root)"]).setup) == "limit = 3\nimport math"


def test_modules_of_the_program_are_known() -> None:
    assert plan("", ["assert f() == sys.maxsize"]).modules == {"sys"}


def test_sites_with_variables_of_the_assert_cannot_be_split() -> None:
    with pytest.raises(Unsplittable, match="depends on a variable"):
        plan(TREE, ["assert [f(root, x) for x in (1, 2)] == [1, 2]"])
