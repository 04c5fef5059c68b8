"""Programs as a weak model writes them, made from a reference: few right ones, many duplicates,
some that never end. Nothing depends on chance, but on the seed."""

from __future__ import annotations

import ast
from copy import deepcopy
from random import Random

DISTINCT, SAMPLES = 5, 11  # of a problem: 6 in 11 are duplicates, or more
KINDS = {"right": 22, "mistake": 40, "two mistakes": 14, "dropped": 14, "endless": 4, "cut": 6}
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}


def weak(prompt: str, reference: str, function: str, seed: str) -> list[str]:
    """`SAMPLES` completions of a prompt, `DISTINCT` different ones as a rule, in mixed order."""
    rng = Random(seed)
    tree = ast.parse(prompt + reference)
    body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function][-1]
    kinds = rng.choices([*KINDS], [*KINDS.values()], k=DISTINCT)
    texts = [_weak(kind, reference, body, rng) for kind in kinds]
    shares = [1 / place for place in range(1, DISTINCT + 1)]
    found = texts + rng.choices(texts, shares, k=SAMPLES - DISTINCT)
    rng.shuffle(found)
    return found


def _weak(kind: str, reference: str, body: ast.FunctionDef, rng: Random) -> str:
    """One completion. "right" is spelled in one of three ways."""
    if kind == "right":
        return rng.choice([reference, "    # my solution\n" + reference, _text(body)])
    if kind == "cut":
        return reference[: len(reference) * rng.randrange(3, 9) // 10] + " ("
    if kind == "endless":
        counter = rng.choice("ijkn")
        loop = f"    {counter} = 0\n    while {counter} >= 0:\n        {counter} += 1\n"
        return loop + _text(body)
    copy = deepcopy(body)
    if kind == "dropped":
        blocks = [n.body for n in ast.walk(copy) if isinstance(getattr(n, "body", None), list)]
        block = rng.choice(blocks)
        block[rng.randrange(len(block))] = ast.Pass()
        return _text(copy)
    for _ in range(1 + (kind == "two mistakes")):
        _change(rng.choice(_places(copy)))
    return _text(copy)


def _text(function: ast.FunctionDef) -> str:
    """Its body, the docstring left out, as the completion of a prompt."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    lines = "\n".join(map(ast.unparse, body)).split("\n")
    return "".join(f"    {line}\n" for line in lines)


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
