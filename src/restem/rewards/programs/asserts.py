"""Which parts of MBPP's asserts belong to the program, so that world B can do without it.

    assert abs(f(3) - g(1)) < 1e-9        f and g are asked of the program, one by one
    assert f([Pair(1, 2)]) == 3           Pair may be a class: the whole call is a site, evaluated
                                          beside the program
    assert is_balanced(root) == True      root comes from the set-up, made of the program's class:
                                          a site, too
    assert size(t) == sys.getsizeof(t)    sys is a module, world B has its own
    assert isinstance(f(3), Node)         Node is a class: the whole call is a site

Names that nothing here defines are the program's if they are used as functions or classes are. Set-
up statements that need one of these, and the names these bind, are the program's as well. Runs
inside the sandbox.
"""

from __future__ import annotations

import ast
import builtins
import sys

ASK = "__ask_{}"
"""Name, in rewritten asserts, of what answers for a site."""

_METHODS = {
    name for kind in (str, bytes, list, tuple, dict, set, float, int) for name in dir(kind)
}  # of plain data: these need no world A


_TAKE_FUNCTIONS = {"map", "filter", "reduce"}
_TAKE_CLASSES = {"isinstance", "issubclass"}


class Unsplittable(ValueError):
    """An assert with an object of the program that depends on a variable of the assert."""


class Plan:
    """How world B runs a set-up and asserts. No dataclass: making one takes a tenth of a run."""

    def __init__(self, setup: ast.Module) -> None:
        self.setup = setup
        """Statements that do without the program."""
        self.asserts: list[ast.Module] = []
        self.functions: set[str] = set()
        """Names of the program that the asserts use."""
        self.modules: set[str] = set()
        """Modules of the standard library that only the program imports."""
        self.sites: list[str] = []
        """Expressions that are evaluated beside the program; site i is called ASK.format(i)."""


def plan(setup: str, asserts: list[str]) -> Plan:
    """Raises: SyntaxError, Unsplittable."""
    ours, own, foreign = _split_setup(ast.parse(setup))
    made = Plan(ours)
    trees = [ast.parse(line) for line in asserts]
    for tree in trees:
        unknown = _free(tree) - own - foreign
        called = {n.func.id for n in ast.walk(tree) if _calls_name(n)}  # type: ignore[attr-defined]  # a Name
        names = {name for name in unknown if not hasattr(builtins, name)}
        modules = {name for name in names - called if name in sys.stdlib_module_names}
        made.modules |= modules
        names &= _used(tree, names & called) | modules
        # A program may give a built-in name a meaning of its own: then nothing else is called.
        made.functions |= (names - modules) or (set() if foreign else unknown & called)
    for tree in trees:
        rewriter = _Rewriter(made, foreign, bound(tree))
        rewriter.visit(tree)  # in place
        made.asserts.append(ast.fix_missing_locations(tree))
    return made


def _split_setup(tree: ast.Module) -> tuple[ast.Module, set[str], set[str]]:
    """Statements without the program; the names they bind; those that the others bind."""
    ours: list[ast.stmt] = []
    own: set[str] = set()
    foreign: set[str] = set()
    for statement in tree.body:
        free = _free(ast.Module([statement], []))
        if all(name in own or hasattr(builtins, name) for name in free):
            ours.append(statement)
            own |= bound(statement)
        else:
            foreign |= bound(statement)
    return ast.Module(ours, []), own, foreign - own


def bound(tree: ast.AST) -> set[str]:
    """Names that a piece of code gives a value, at any depth."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
    return names


def _free(tree: ast.AST) -> set[str]:
    loads = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)
    }
    return loads - bound(tree)


def _used(tree: ast.AST, functions: set[str]) -> set[str]:
    """Names used as functions, or as what may be classes: called, with an attribute, or given to a
    call that is the program's or takes functions. Others would be data, which no test can ask for.
    """
    used = set(functions)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.add(node.value.id)
        elif isinstance(node, ast.Call):
            given: list[ast.expr | ast.keyword] = [
                word for word in node.keywords if word.arg == "key"
            ]
            if isinstance(node.func, ast.Name) and node.func.id in functions | _TAKE_FUNCTIONS:
                given += [*node.args, *node.keywords]
            if isinstance(node.func, ast.Name) and node.func.id in _TAKE_CLASSES:
                given += node.args[1:]
            used.update(*map(_names, given))
    return used


def _calls_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


class _Rewriter(ast.NodeTransformer):
    """Puts sites in the place of expressions that need objects of the program."""

    def __init__(self, made: Plan, foreign: set[str], local: set[str]) -> None:
        self._made, self._foreign, self._local = made, foreign, local

    def visit(self, node: ast.AST) -> ast.AST:
        """From the outside in: the largest chain of calls, attributes and indices first."""
        if self._must_be_site(node) or (self._should_be_site(node) and self._closed(node)):
            return self._site(node)
        visited: ast.AST = self.generic_visit(node)
        return visited

    def _must_be_site(self, node: ast.AST) -> bool:
        """Whether this needs an object that only the program's world has."""
        if not isinstance(node, (ast.Call, ast.Attribute, ast.Subscript, ast.Name)):
            return False
        root, attributes = _chain(node)
        if root in self._foreign:
            return not isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del))
        if root not in self._made.functions:
            return False
        return any(name not in _METHODS for name in attributes) or (
            _calls_name(node) and bool(self._foreign & _names(node))
        )

    def _should_be_site(self, node: ast.AST) -> bool:
        """Whether a call of the program is given what may be an object of the program, or a
        function."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            return False
        if node.func.id in _TAKE_CLASSES:
            return any(self._made.functions & _names(kind) for kind in node.args[1:])
        inside = [part for given in (*node.args, *node.keywords) for part in ast.walk(given)]
        return node.func.id in self._made.functions and any(
            isinstance(part, ast.Lambda)
            or (isinstance(part, ast.Name) and part.id in self._made.functions)
            for part in inside
        )

    def _closed(self, node: ast.AST) -> bool:
        return self._local.isdisjoint(_free(node))

    def _site(self, node: ast.AST) -> ast.Call:
        source = ast.unparse(node)
        if not self._closed(node):
            raise Unsplittable(f"{source} depends on a variable of its assert")
        self._made.sites.append(source)
        name = ASK.format(len(self._made.sites) - 1)
        return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), [], []), node)


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _chain(node: ast.AST) -> tuple[str, list[str]]:
    """Name at the root of `root(...).attribute[0].method()`, "" if it is none; the attributes."""
    attributes = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, (ast.Attribute, ast.Subscript)):
            if isinstance(node, ast.Attribute):
                attributes.append(node.attr)
            node = node.value
        else:
            return "", []
    return node.id, attributes
