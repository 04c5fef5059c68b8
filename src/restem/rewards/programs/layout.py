"""Which programs are the same up to layout and comments.

Runs inside the sandbox, as the main program, because parsing hostile text may crash an interpreter.
Standard input is a JSON list of programs. One line for each: a digest of its syntax tree, or
nothing if it does not parse.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys


def main() -> None:
    for program in json.load(sys.stdin):
        try:
            tree = ast.dump(ast.parse(program))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            tree = ""
        digest = hashlib.sha256(tree.encode(errors="surrogatepass")).hexdigest() if tree else ""
        sys.stdout.write(digest + "\n")
        sys.stdout.flush()
