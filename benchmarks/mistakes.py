"""Programs as a policy might write them, made from a reference: right ones, and with a mistake.

Nothing is random. Loops whose number of rounds is open (`while`) are left as they are, so that
hardly any program runs into a time limit, where all harnesses wait alike.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy

NUMBER = 8
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}


def variants(prompt: str, reference: str, function: str) -> list[str]:
    """`NUMBER` different completions of a prompt: the reference, two of the same meaning, then some
    with one mistake each, and where those give out ones that are cut off."""
    tree = ast.parse(prompt + reference)
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function]
    body = found[-1]
    texts = [reference, "    # one of several ways\n" + reference, "    pass\n" + _text(body)]
    wrong = [_text(changed) for changed in _changed(body)]
    step = max(1, len(wrong) // (NUMBER - 3))
    texts += ["    return None\n", *wrong[::step]]
    texts += [reference[: len(reference) * cut // 10] + " (" for cut in range(9, 1, -1)]
    return list(dict.fromkeys(texts))[:NUMBER]


def _text(function: ast.FunctionDef) -> str:
    """Its body, the docstring left out, as the completion of a prompt."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    lines = "\n".join(map(ast.unparse, body)).split("\n")
    return "".join(f"    {line}\n" for line in lines)


def _changed(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """Copies with one operator, number or result changed."""
    for place in range(len(_places(function))):
        copy = deepcopy(function)
        _change(_places(copy)[place])
        yield copy


def _places(node: ast.AST) -> list[ast.AST]:
    """Nodes below that `_change` can change, in order."""
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.While):
            found += [child] * _changeable(child) + _places(child)
    return found


def _changeable(node: ast.AST) -> bool:
    if isinstance(node, ast.Compare):
        return type(node.ops[0]) in _COMPARISONS
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        return type(node.op) in _OPERATORS
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    return isinstance(node, ast.Return) and node.value is not None


def _change(node: ast.AST) -> None:
    if isinstance(node, ast.Compare):
        node.ops[0] = _COMPARISONS[type(node.ops[0])]()
    elif isinstance(node, (ast.BinOp, ast.AugAssign)):
        node.op = _OPERATORS[type(node.op)]()
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        node.value = node.value + 1
    elif isinstance(node, ast.Return) and node.value is not None:
        node.value = ast.List([node.value], ast.Load())
