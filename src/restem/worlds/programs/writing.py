"""How a program looks: one line for each step in two styles, and the human one-liner."""

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
    """Everything nested into one line, as a person in a hurry does."""
    return f"{READ_TERSELY}; print({nested(chain)})"


def one_line_function(chain: Chain) -> str:
    return f"{INDENT}return {nested(chain)}"


def nested(chain: Chain) -> str:
    *steps, last = chain
    inner = "a"
    for step in steps:
        inner = (f"[x for x in {inner} if {step.code}]" if step.operation.kind == FILTER
                 else f"[{step.code} for x in {inner}]")  # fmt: skip
    return f"(lambda a: {last.code})({inner})" if steps else last.code
