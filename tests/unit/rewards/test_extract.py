"""Where the final answer is found: one table per rule, and no text that takes long."""

import time

import pytest

from restem.rewards.extract import MAX_ANSWER, Extracted, clean, extract, marked

MINERVA = "Final Answer: The final answer is {}. I hope it is correct."

# text, answer, rule; "own" is a policy of this project (docstring of extract.py)
ROWS = [
    # Minerva's prompt, arXiv 2206.14858 appendix D.2
    (MINERVA.format("$5$"), "5", "final answer"),
    (MINERVA.format(r"$\frac{1}{2}$"), r"\frac{1}{2}", "final answer"),
    (MINERVA.format("5 apples"), "5", "final answer"),
    (MINERVA.format("Evelyn"), "Evelyn", "final answer"),
    (MINERVA.format(r"$\boxed{7}$"), "7", "final answer"),
    ("Final answer: the final answer is 12. I hope it is correct", "12", "final answer"),
    ("Final Answer: The area is 120. I hope it is correct.", "120", "final answer"),
    # own: the first statement counts, models run on into a new problem
    (MINERVA.format("$5$") + "\n\nProblem:\n1+1\n\n" + MINERVA.format("$2$"), "5", "final answer"),
    (MINERVA.format("$5$") + r" \boxed{9}", "5", "final answer"),
    # an opening without its closing is no statement
    ("Final Answer: The final answer is $3$.\n" + MINERVA.format("$4$"), "4", "final answer"),
    # MATH, arXiv 2103.03874
    (r"so $\boxed{5}$.", "5", "boxed"),
    (r"$\boxed{\frac{3}{4}}$ and done", r"\frac{3}{4}", "boxed"),
    (r"\fbox{12}", "12", "boxed"),
    (r"\boxed{\{1,2\}}", r"\{1,2\}", "boxed"),
    (r"\boxed 5", "5", "boxed"),
    (r"\boxed{\boxed{5}}", "5", "boxed"),
    (r"\boxed{ \text{Evelyn} }", r"\text{Evelyn}", "boxed"),
    # own: several boxes are one list when only commas, and, or, delimiters are between them
    (r"$\boxed{3}$ and $\boxed{4}$", "3, 4", "boxed"),
    (r"\boxed{3}, \boxed{4}", "3, 4", "boxed"),
    (r"\(\boxed{3}\) or \(\boxed{4}\)", "3, 4", "boxed"),
    (r"\boxed{3} \text{ and } \boxed{4}", "3, 4", "boxed"),
    (r"$\boxed{3}$, that is $\boxed{3}$", "3", "boxed"),
    (r"$\boxed{3}$ $\boxed{3}$", "3", "boxed"),
    (r"first \boxed{3}, then \boxed{4}", "4", "boxed"),
    # own: an unclosed or empty box is no answer, and nothing else is tried
    (r"The answer is 5. \boxed{5", "", "boxed"),
    (r"\boxed{5} and then \boxed{6", "", "boxed"),
    (r"The answer is 5. \boxed{}", "", "boxed"),
    (r"\boxed{ \boxed{5}", "5", "boxed"),
    (r"\boxed{\frac{6}{8}} $\boxed{0.75}$", r"\frac{6}{8}", "boxed"),
    (r"$\boxed{2}$, $\boxed{2.0}$ and $\boxed{7}$", "2, 7", "boxed"),
    # own: a command without braces before a word is talked about
    ("Write \\boxed before it. 4+5=9, so the answer is 9.", "9", "answer is"),
    ("Use \\boxed.\nThe sum is 9.", "9", "number"),
    (r"\boxed x", "x", "boxed"),
    # own: tags and objects
    ("<answer>7</answer>", "7", "answer tag"),
    ("<ANSWER>\n\\frac{2}{7}\n</ANSWER>", r"\frac{2}{7}", "answer tag"),
    ("<answer>6</answer> or <answer>7</answer>", "7", "answer tag"),
    (r"<answer>so $\boxed{7}$</answer> \boxed{8}", "7", "answer tag"),
    ("<answer>The total is 7.</answer>", "7", "answer tag"),
    ("<answer>south</answer>", "south", "answer tag"),
    ("<answer>3 + 4 = 7\nSo it is 7.</answer>", "7", "answer tag"),
    ("Put it in <answer>...</answer> tags. The answer is 7.", "7", "answer is"),
    ("<answer></answer> The answer is 7.", "", "answer tag"),
    ("The answer is 7. <answer>7", "", "answer tag"),
    ('{"reasoning": "3+4", "answer": "7"}', "7", "json"),
    ('{"answer": 7.5, "unit": "cm"}', "7.5", "json"),
    ('```json\n{"Final_Answer": "\\\\frac{2}{7}"}\n```', r"\frac{2}{7}", "json"),
    ('{"answer": "\\frac{2}{7}"}', r"\frac{2}{7}", "json"),
    ('{"answer": "no", "final answer": "yes"}', "yes", "json"),
    ('{"answer": ""}', "", "json"),
    # own: a choice on a line of its own
    ("It must be the third.\nC", "C", "letter"),
    ("**(B)**", "B", "letter"),
    ("Option D", "D", "letter"),
    # GSM8K, arXiv 2110.14168
    ("so 18 eggs.\n#### 18", "18", "####"),
    ("#### 1,600", "1,600", "####"),
    ("#### $18", "$18", "####"),
    ("#### 18 eggs", "18", "####"),
    ("#### -3", "-3", "####"),
    ("#### 3/4\n", "3/4", "####"),
    ("#### 18\n\nQuestion: What is 2+2?\n#### 4", "18", "####"),
    ("#### Step 1: add\n5+3=8\n#### 8", "8", "####"),
    ("#### 1. Add the numbers\n#### 8", "8", "####"),
    # the recorded solutions of openai/grade-school-math
    ("She makes 2*9 = <<2*9=18>>18 a day\nA: 18", "18", "A:"),
    ("text\nA: $1,234\n\n", "$1,234", "A:"),
    ("A: 5\nB: 6\nso it is 7", "7", "number"),
    # plain words
    ("The answer is 42.", "42", "answer is"),
    ("The answer is: 42", "42", "answer is"),
    ("Answer: 42", "42", "answer is"),
    ("**Answer:** 42", "42", "answer is"),
    ("the answer is **42**", "42", "answer is"),
    ("The answer is 5. There are 3 kids.", "5", "answer is"),
    ("The answer is 15 dollars for 3 kids", "15", "answer is"),
    ("The answer is 3 * 5 = 15 dollars", "15", "answer is"),
    (r"The answer is \frac{1}{2}.", r"\frac{1}{2}", "answer is"),
    ("The answer is 3, 4, and 5", "3, 4, and 5", "answer is"),
    ("The answer is (2, 3).", "(2, 3)", "answer is"),
    ("The answer is $3$ and $4$.", "3, 4", "answer is"),
    ("The answer is\n\\[\n\\frac12\n\\]", r"\frac12", "answer is"),
    ("The answer to this is 7.", "7", "answer is"),
    ("The answer is not 5. The answer is 7.", "7", "answer is"),
    ("The answer is 3. Wait, the answer is 4.", "4", "answer is"),
    ("The answer is Evelyn.", "Evelyn", "answer is"),
    ("Final Answer: The largest $n$ is 34.", "34", "answer is"),
    ('The answer is "$12$ and $13$".', "12, 13", "answer is"),
    ("The answer is __import__('os') or 0", "__import__('os') or 0", "answer is"),
    # formulas
    (r"It is $\begin{pmatrix}1\\2\end{pmatrix}$.", r"\begin{pmatrix}1\\2\end{pmatrix}", "math"),
    ("As $d = 90/n$, n divides 90. So there are 12. I hope it is correct. Next: 3", "12", "number"),
    ("$$x \\geq 2.$$ It grows by 100%.", "100%", "number"),
    ("We get\n(x+1)/2", "(x+1)/2", "line"),
    ("so\n3*4 = 12", "12", "line"),
    ("Hence $x=5$.", "x=5", "math"),
    (r"we get \(7\) and so \[x^2\]", "x^2", "math"),
    ("the roots are $3$ and $5$.", "3, 5", "math"),
    ("She has $18 and spends $2, so $16 are left, $x=16$.", "x=16", "math"),
    # the fallback
    ("He pays 5, gets 3 back, so 2.", "2", "number"),
    ("gives 3/4 of it", "3/4", "number"),
    ("that is 25%", "25%", "number"),
    ("minus three: -3", "-3", "number"),
    ("比例为13/28", "13/28", "number"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "answer", "rule"), ROWS)
def test_each_rule_finds_its_answer(text: str, answer: str, rule: str) -> None:
    assert extract(text) == Extracted(answer, rule)


@pytest.mark.parametrize(
    "text", ["", " \n", "I do not know.", "open('x') or 0", "{}", "$", r"\( \)", "box"]
)
def test_nothing_is_found_where_nothing_is(text: str) -> None:
    assert extract(text) is None


HOSTILE = [
    "\\boxed{", "\\boxed", "{", "}", "\\(", "$", "$$", "$a ", "\\[", "answer ", "answer is ",
    "Final Answer: The final answer is ", "I hope it is correct", "#### a\n", "####", "A:", "1,",
    "1 ", "a1", "- ", "\\", "\n", " ", "\\text{", "and ", "\\boxed{1}\\text{ ", "\\boxed{5},",
    "answer is $a$ and ", "<answer>", "<answer>a", '{"answer": "', '"answer": 5, ', "5 for ",
    "= 5 ",
    "(5 ", "_a ", "**a", "or\n", "5 is ", "not 5 ", "x = 5 => ", "1 and ", "é5", "٣", "√", "5. ",
]  # fmt: skip


def test_a_gold_is_read_by_its_marks_only() -> None:
    assert marked(r"We get $9+9=\boxed{18}$.") == "18"
    assert marked("9+9=18\n#### 18") == "18"
    assert marked("It is so.\n#### yes") == "yes"
    assert marked("<answer>18</answer>") == "18"
    assert marked(r"\boxed{3} and \boxed{4}") == "3, 4"
    assert marked("The answer is 18") is None
    assert marked("18") is None


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_length_of_the_text(piece: str) -> None:
    """200,000 characters take a tenth of a second; quadratic code would take minutes."""
    text = piece * (200_000 // len(piece))
    for tail in ("", "\\boxed{7}", "}" * 1000, " " * 1000 + "x"):
        start = time.process_time()
        extract(text + tail)
        assert time.process_time() - start < 2


def test_clean_takes_off_layers_and_leaves_the_rest() -> None:
    assert clean(r" $$ \boxed{\,\frac12\,} $$. ") == r"\frac12"
    assert clean("[1,2)") == "[1,2)"
    assert clean("1, 2, ...") == "1, 2, ..."
    assert clean(r"\((1,2)\cup(3,4)\)") == r"(1,2)\cup(3,4)"
    assert clean("$2$ and $3$") == "$2$ and $3$"


def test_clean_is_idempotent() -> None:
    for text, _, _ in ROWS:
        assert clean(clean(text)) == clean(text)


def test_a_very_long_answer_stays_as_written() -> None:
    long = " " + "9" * MAX_ANSWER
    assert extract("\\boxed{" + long + "}") == Extracted(long, "boxed")
