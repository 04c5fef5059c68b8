"""Which part of a solution text is the program."""

import time

import pytest

from restem.rewards.programs.extract import before, complete, extract, finished

DOCSTRING = "def f():\n    '''\n    ```\n    f()\n    ```\n    '''\n"

# name: text, names the tests call, program
TEXTS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "no fence": ("print(1)\n", (), "print(1)\n"),
    "one block": ("Here:\n```python\nprint(1)\n```\nDone.", (), "print(1)"),
    "untagged": ("Here:\n```\nprint(1)\n```", (), "print(1)"),
    "py3": ("```python3\nprint(1)\n```", (), "print(1)"),
    "upper case": ("```Python\nprint(1)\n```", (), "print(1)"),
    "attributes": ("``` {.python title=x}\nprint(1)\n```", (), "print(1)"),
    "carriage returns": ("```python\r\nprint(1)\r\n```\r\n", (), "print(1)\r"),
    "the last block": ("```py\nprint(1)\n```\nBetter:\n```py\nprint(2)\n```", (), "print(2)"),
    "tagged before untagged": ("```python\nprint(1)\n```\nOutput:\n```\n1\n```", (), "print(1)"),
    "another language": ("```python\nprint(1)\n```\n```text\n1\n```", (), "print(1)"),
    "only another language": ("```cpp\nint main() {}\n```", (), ""),
    "unclosed": ("Here:\n```python\nprint(1)\nprint(2)", (), "print(1)\nprint(2)"),
    "next block before the end": ("```python\nprint(1)\n```python\nprint(2)", (), "print(2)"),
    "indented in a list": ("1.\n   ```py\n   x = 1\n   print(x)\n   ```", (), "x = 1\nprint(x)"),
    "deep in a list": ("- a\n  - b\n    ```python\n    print(1)\n    ```", (), "print(1)"),
    "fence in code": (DOCSTRING, ("f",), DOCSTRING),
    "more backticks": ("````python\nprint(1)\n````", (), "print(1)"),
    "inline": ("use ```print``` to print(1)", (), "use ```print``` to print(1)"),
    "the function": ("```\ndef f(): 1\n```\nUse:\n```python\nf()\n```", ("f",), "def f(): 1"),
    "last with the function": (
        "```python\ndef f(): return 1\n```\n```python\ndef f(): return 2\n```\n```python\nf()\n```",
        ("f",),
        "def f(): return 2",
    ),
    "a method": ("```\nclass A: pass\n```\n```\nprint()\n```", ("g", "A"), "class A: pass"),
    "a lambda": ("```\nf = lambda x: x\n```\n```\nf(1)\n```", ("f",), "f = lambda x: x"),
    "the prompt opened it": ("    return 1\n```\n", ("f",), "    return 1"),
    "opened, prose after": ("    return 1\n```\nThis returns 1.", ("f",), "    return 1"),
    "opened, example after": ("    return 1\n```\nUse:\n```py\nf()\n```", ("f",), "    return 1"),
    "opened, output after": ("print(1)\n```\nOutput:\n```\n1\n```\n", (), "print(1)"),
    "prose, then code": ("We print one.\n```\nprint(1)", (), "print(1)"),
    "heading": ("# So\n```\nprint(1)\n```\nOr:\n```\nprint(2)", (), "print(2)"),
    "comment first": ("# one\nprint(1)\n```\nDone.", (), "# one\nprint(1)"),
    "empty block": ("```python\n```", (), ""),
    "empty": ("", (), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_program_of_a_text(name: str) -> None:
    text, names, program = TEXTS[name]
    assert extract(text, names) == program


FENCE = "```"
ADD = "def add(a, b):\n    return a + b"
DOC = 'def add(a, b):\n    """\n    {0}{1}\n    add(1, 2)\n    {0}\n    """\n    return a + b'
MODULE_DOC = f'"""\n{FENCE}\nadd(1, 2)\n{FENCE}\n"""\n{ADD}'
TRUNCATED = "def add(a, b):\n    " + '"""Adds'
INFO = [
    "python", "py", "py3", "Python", "PYTHON3", "python 3", "python3.11", "{.python}", "{python}",
    "{.python .numberLines}", "ipython", "python:add.py", 'python title="add.py"', " python ", "",
]  # fmt: skip
# text, program; tests call `add`
FENCES: dict[str, tuple[str, str]] = {
    "tildes": (f"~~~python\n{ADD}\n~~~\nDone.", ADD),
    "bare tildes": (f"So:\n~~~\n{ADD}\n~~~", ADD),
    "backticks in tildes": (f"~~~\n{FENCE}\n~~~\n~~~py\n{ADD}\n~~~", ADD),
    "glued": (f"{FENCE}python\n{ADD}{FENCE}", ADD),
    "glued, prose after": (f"{FENCE}python\n{ADD}{FENCE}\nIt adds. That's all.", ADD),
    "glued, prose in the line": (f"{FENCE}python\n{ADD}{FENCE} It adds.", ADD),
    "glued to a comment": (f"{FENCE}python\n{ADD}  # adds{FENCE}", f"{ADD}  # adds"),
    "glued tildes": (f"~~~\n{ADD}~~~\nDone.", ADD),
    "glued, another block": (f"{FENCE}py\n{ADD}{FENCE}\n{FENCE}py\nadd(1, 2)\n{FENCE}", ADD),
    "glued, opened by the prompt": (f"    return a + b{FENCE}\nIt adds.", "    return a + b"),
    "tildes, opened by the prompt": ("    return a + b\n~~~\nIt adds.", "    return a + b"),
    "after words": (f"Answer: {FENCE}python\n{ADD}\n{FENCE}", ADD),
    "after words, glued": (f"Answer:{FENCE}py\n{ADD}{FENCE}", ADD),
    "after words, bare": (f"The program is: {FENCE}\n{ADD}\n{FENCE}", ADD),
    "code behind the tag": (f"{FENCE}python {ADD}\n{FENCE}", ADD),
    "four around three": (f"{FENCE}`python\n{MODULE_DOC}\n{FENCE}`", MODULE_DOC),
    "four, closed with three": (f"{FENCE}`python\n{ADD}\n{FENCE}\nDone.", ADD),
    "in a docstring": (
        f"{FENCE}python\n{DOC.format(FENCE, '')}\n{FENCE}\nDone.", DOC.format(FENCE, ""),
    ),
    "tagged in a docstring": (
        f"{FENCE}python\n{DOC.format(FENCE, 'python')}\n{FENCE}", DOC.format(FENCE, "python"),
    ),
    "in a docstring of a bare text": (DOC.format(FENCE, "python"), DOC.format(FENCE, "python")),
    "in a docstring at the edge": (f"{FENCE}python\n{MODULE_DOC}\n{FENCE}\nx", MODULE_DOC),
    "in a string": (f"{FENCE}py\ns = '{FENCE}'\n{ADD}\n{FENCE}", f"s = '{FENCE}'\n{ADD}"),
    "in a comment": (f"{FENCE}py\n# {FENCE} here\n{ADD}\n{FENCE}", f"# {FENCE} here\n{ADD}"),
    "quotes in a string": (
        f"{FENCE}py\nq = '\"\"\"'\n{ADD}\n{FENCE}\nIt's it.", f"q = '\"\"\"'\n{ADD}",
    ),
    "a docstring that never ends": (
        f"{FENCE}py\n{TRUNCATED}\n{FENCE}\nAgain:\n{FENCE}py\n{ADD}\n{FENCE}", ADD,
    ),
    "answer tags around": (f"<answer>\n{FENCE}python\n{ADD}\n{FENCE}\n</answer>", ADD),
    "answer tags, glued": (f"So <answer>{FENCE}py\n{ADD}{FENCE}</answer>", ADD),
    "answer tags, no fence": (f"It adds.\n<answer>{ADD}</answer>", ADD),
    "the last answer": (f"<answer>add = 3</answer> no, <answer>{ADD}</answer>", ADD),
    "answer tags in a program": (f"s = '<answer>'\n{ADD}", f"s = '<answer>'\n{ADD}"),
    "a role": (f"assistant\n{ADD}", ADD),
    "a role with a colon": (f"Assistant:\n\n{ADD}", f"\n{ADD}"),
    "a role in tokens": (f"<|im_start|>assistant\n{ADD}", ADD),
    "another language": (f"{FENCE}js\nadd\n{FENCE}", ""),
    "inline": (f"Use {FENCE}add{FENCE} for it.", f"Use {FENCE}add{FENCE} for it."),
    "talk of fences": (f"Put it into {FENCE}\nplease.", f"Put it into {FENCE}\nplease."),
}  # fmt: skip


@pytest.mark.parametrize("name", FENCES)
def test_fences(name: str) -> None:
    text, program = FENCES[name]
    assert extract(text, ("add",)) == program


@pytest.mark.parametrize("info", INFO)
def test_info_strings_of_python(info: str) -> None:
    text = f"So:\n{FENCE}{info}\n{ADD}\n{FENCE}\n{FENCE}text\n3\n{FENCE}"
    assert extract(text, ("add",)) == ADD


PROMPT = 'import math\n\n\ndef f(x):\n    """Half of x."""\n'


def test_completion_goes_on_from_the_prompt() -> None:
    assert complete(PROMPT, "    return x / 2\n", "f") == PROMPT + "    return x / 2\n"


def test_whole_function_gets_the_rest_of_the_prompt() -> None:
    text = "def f(x):\n    return math.floor(x / 2)\n"
    assert complete(PROMPT, text, "f") == text
    names: dict[str, object] = {}
    exec(before(PROMPT, text)[0], names)
    exec(text, names)
    assert names["f"](5) == 2  # type: ignore[operator]


def test_continuation_that_defines_the_function_again_stays_a_continuation() -> None:
    text = "    return 1\n\ndef f(x):\n    return 2\n"
    assert complete(PROMPT, text, "f") == PROMPT + text


def test_another_function_is_no_definition_of_the_entry_point() -> None:
    text = "def ff(x):\n    return 2\n"
    assert complete(PROMPT, text, "f") == PROMPT + text


@pytest.mark.parametrize(
    "prompt",
    [
        PROMPT,
        "def f(x):\n",
        "def f(x):",
        "def f(x):\n\t'''Doc.\n\n\tMore.\n\t'''\n",
        "def f(x):\n  # half of x:\n  # see above\n",
        "class A:\n    def f(self):\n",
        "def f(x):\n    if x:\n",
    ],
)
def test_finished_prompts_compile(prompt: str) -> None:
    compile(finished(prompt), "prompt", "exec")


@pytest.mark.parametrize(
    "piece",
    [
        "```\n",
        "```python\n",
        "```python\nx\n```\n",
        "`",
        "   ",
        "def f():\n",
        "``` ` ",
        "a, ",
        "\t",
        "~~~\n",
        "x'''\n```\n",
        '"\\"',
        "'",
        "````\n```\n",
        "<answer>\n",
        "Answer: ```python\n",
    ],
)
@pytest.mark.slow
def test_extraction_is_linear(piece: str) -> None:
    """Ten times the text takes less than forty times as long (a square would be a hundred)."""
    spent = []
    for size in (100_000, 1_000_000):
        text = "```\nx\n" + piece * (size // len(piece)) + " x `"
        start = time.process_time()
        complete(PROMPT, extract(text, ("f",)), "f")
        spent.append(time.process_time() - start)
    assert spent[1] < 40 * spent[0] + 0.5, spent
