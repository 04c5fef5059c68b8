"""How a program looks: one line for each step in two styles, and the fused human one-liner."""

from __future__ import annotations

from restem.worlds.programs.authors import UNPARSED, Author
from restem.worlds.programs.chains import Chain, Step
from restem.worlds.programs.operations import FILTER, REDUCE

READ = "a=list(map(int,input().split()))"
READ_UNPARSED = "a=input()"
READ_TERSELY = "a=[int(t) for t in input().split()]"
INDENT = "    "


def program(author: Author, chain: Chain) -> str:
    """The author's program, from standard input to standard output."""
    if author.terse:
        return one_liner(author.solve(chain))
    *lines, last = body(author, chain)
    head = READ_UNPARSED if author.errs(UNPARSED) else READ
    return "\n".join([head, *lines, f"print({last})"])


def function(author: Author, chain: Chain) -> str:
    """The author's body of `def f(a):`."""
    if author.terse:
        return one_line_function(author.solve(chain))
    *lines, last = body(author, chain)
    return "\n".join(INDENT + line for line in [*lines, f"return {last}"])


def body(author: Author, chain: Chain) -> list[str]:
    """A line for each step; the last is the reducer's expression."""
    return [line(step, author.rng.random() < author.lambdas) for step in author.solve(chain)]


def line(step: Step, as_lambda: bool) -> str:
    """The step as an assignment to `a`; a reducer as an expression."""
    if step.operation.kind == REDUCE:
        return step.code
    if step.operation.kind == FILTER:
        return (f"a=list(filter(lambda x: {step.code}, a))" if as_lambda
                else f"a=[x for x in a if {step.code}]")  # fmt: skip
    return (f"a=list(map(lambda x: {step.code}, a))" if as_lambda
            else f"a=[{step.code} for x in a]")  # fmt: skip


def one_liner(chain: Chain) -> str:
    """All steps fused into one line, as people write who see what comes out."""
    return f"{READ_TERSELY}; {fused(chain)}print({chain[-1].code})"


def one_line_function(chain: Chain) -> str:
    return f"{INDENT}{fused(chain)}return {chain[-1].code}"


def fused(chain: Chain) -> str:
    """All filters and maps as one comprehension: `a=[x*2+3 for x in a if x>4 and x*2<9]; `."""
    if len(chain) == 1:
        return ""
    value, conditions = "x", []
    for step in chain[:-1]:
        bare = value == "x" or "(x)" in step.code
        written = step.code.replace("x", value if bare else f"({value})")
        if step.operation.kind == FILTER:
            conditions.append(written)
        else:
            value = written
    only = f" if {' and '.join(conditions)}" if conditions else ""
    return f"a=[{value} for x in a{only}]; "
