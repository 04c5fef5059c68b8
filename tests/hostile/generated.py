"""Hostile sources that are too long to write down: compile bombs and odd bytes.

Each must end as a compile error, a limit or an ordinary run of the program that holds it.
"""

from __future__ import annotations

from hostile.programs import Entry

_SOURCES: dict[str, tuple[str, str]] = {
    "nested-parentheses": ("100,000 nested parentheses", "x = " + "(" * 100_000),
    "nested-lists": ("199 nested lists, closed", "x = " + "[" * 199 + "]" * 199),
    "minus-signs": ("a million signs before a number", "x = " + "-" * 1_000_000 + "1"),
    "long-sum": ("a sum of 200,000 numbers", "x = " + "+".join("1" * 200_000)),
    "attribute-chain": ("a chain of 100,000 attributes", "x = a" + ".b" * 100_000),
    "nested-blocks": (
        "99 nested blocks and one more",
        "".join(f"{' ' * depth}if 1:\n" for depth in range(120)) + " " * 120 + "pass",
    ),
    "constant-power": ("powers folded while compiling", "x = 9 ** 9 ** 9 ** 9"),
    "constant-shift": ("shifts folded while compiling", "x = 1 << 4096 << 4096 << 4096 * 99999"),
    "constant-text": ("texts folded while compiling", "x = ('x' * 4096) * 4096 * 4096 * 4096"),
    "constant-tuple": ("tuples folded", "x = " + "(" * 20 + "0," + ") * 256" * 20),
    "five-megabytes": ("5 MB of names", "\n".join(f"name_{n} = {n}" for n in range(250_000))),
    "one-long-line": ("10 MB of one text", 'x = "' + "a" * 10_000_000 + '"'),
    "long-integer": ("an integer of a million digits", "x = " + "9" * 1_000_000),
    "many-functions": ("50,000 functions", "".join(f"def f{n}(): pass\n" for n in range(50_000))),
    "comprehensions": ("nested comprehensions", "x = " + "[" * 60 + "0" + " for y in z]" * 60),
    "format-texts": ("nested format texts", "x = " + 'f"{' * 3 + "1" + '}"' * 3),
    "lambdas": ("2,000 nested lambdas", "x = " + "lambda: " * 2_000 + "0"),
    "nul-byte": ("a NUL in the source", "print(1)\0print(2)"),
    "lone-surrogate": ("a character no encoding holds", "x = '\ud800'"),
    "utf-16-cookie": ("a coding line that lies", "# -*- coding: utf-16 -*-\nprint(1)"),
    "unknown-cookie": ("a coding line nobody knows", "# coding: nonesuch\nprint(1)"),
    "unicode-escape": ("a coding line that unpacks code", "# coding: unicode_escape\nprint(1)"),
    "form-feeds": ("control characters", "\x0c\x1b\x7fprint(1)\x1a"),
    "empty": ("nothing", ""),
    "blank": ("blanks alone", " \t\n" * 1000),
}


_TRACE = "TRACE-OF-{}-4711 " * 3000  # long: small texts are soon overwritten


def load() -> list[Entry]:
    """The generated programs, as entries of the class `compile`, and a probe."""
    found = [
        Entry(f"compile-{name}", "compile", claim, source, {"cpu": "0.5"})
        for name, (claim, source) in _SOURCES.items()
    ]
    source = (
        f"kept = '{_TRACE.format(*['SOURCE'] * 3000)}'\nprint('clean' if input() else 'BREACH')\n"
    )
    keys = {"stdin": _TRACE.format(*["INPUT"] * 3000)}
    claim = "a program whose text and input the next one looks for"
    return [*found, Entry("leave-a-trace", "probes", claim, source, keys)]
