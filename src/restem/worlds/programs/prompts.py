"""How a question is put: few-shot prompts of worked examples.

A prompt ends in a newline and no program begins with one, so that tokens never cross the border
between them. Programs have no blank line: it ends a solution.
"""

from __future__ import annotations

from restem.worlds.programs.chains import parse
from restem.worlds.shots import SEPARATOR, STOP, after_shots

__all__ = ["HEADER", "SEPARATOR", "SHOTS", "SHOT_SIGNATURES", "STOP", "few_shot_prompt"]

HEADER = "def f(a):\n"
SHOTS = (
    (
        "Keep the odd ones. Double each. Print the sum.",
        "a=list(map(int,input().split()))\na=[x for x in a if x%2==1]\na=[x*2 for x in a]\n"
        "print(sum(a))",
    ),
    (
        "Subtract 3 from each. Take absolute values. Drop the multiples of 4. Print the count.",
        "a=list(map(int,input().split()))\na=[x-3 for x in a]\na=[abs(x) for x in a]\n"
        "a=[x for x in a if x%4!=0]\nprint(len(a))",
    ),
    (
        "Keep those below 5. Print them in reverse.",
        "a=list(map(int,input().split()))\na=[x for x in a if x<5]\nprint(a[::-1])",
    ),
    (
        "Square each. Add 4 to each. Keep the multiples of 5. Print the largest.",
        "a=list(map(int,input().split()))\na=[x**2 for x in a]\na=[x+4 for x in a]\n"
        "a=[x for x in a if x%5==0]\nprint(max(a))",
    ),
)
"""Questions and programs. Their signatures are kept out of every split and of the corpus."""
SHOT_SIGNATURES = frozenset(parse(question) for question, _ in SHOTS)


def program_prompt(question: str) -> str:
    """What stands before a program, in the corpus as in prompts."""
    return f"Problem: {question}\nProgram:\n"


def function_prompt(question: str) -> str:
    """What stands before the body of a function."""
    return f"Problem: {question}\nFunction:\n{HEADER}"


def few_shot_prompt(prompt: str, shots: int) -> str:
    """The prompt after the first `shots` programs. Raises: ParamsError if there are fewer."""
    return after_shots(prompt, [(program_prompt(q), s) for q, s in SHOTS], shots)
