# ruff: noqa: E501  (the tables are long)
"""What an unmarked text is taken to state: right and wrong golds for each kind of ending."""

import pytest

from restem.rewards.exact import decide
from restem.rewards.extract import extract

# claim: (text, gold, whether it earns)
STATED: dict[str, list[tuple[str, str, bool]]] = {
    "a number with its noun": [
        ("So 17 coins are left in the jar.", "17", True), ("Kim paid $17 for it.", "17", True),
        ("They drove 17 km that day.", "17", True), ("Ann has 17 more stamps.", "17", True),
        ("The bell rang 17 times.", "17", True), ("17 is the total.", "17", True),
        ("In 4 days, 17 cups are sold.", "17", True), ("After 4 hours, 17 miles remain.", "17", True),
        ("Ann has 17 stamps (after selling 4).", "17", True), ("He owns 17 goats because 20 - 3 = 17.", "17", True),
        ("The jar is 17 cm wide.", "17", True), ("17 is not the total.", "17", False),
        ("Kim bought 17 dozen eggs.", "17", False), ("At most 17 people fit.", "17", False),
        ("Kim is 17 years older than Bo.", "17", False), ("That is 17 and a half.", "17", False),
        ("The bell rang 17 times as often.", "17", False), ("They need 17 or more.", "17", False),
    ],
    "a calculation is what it comes to": [
        ("6 + 11 = 17", "17", True), ("6 + 11 = 18", "18", False), ("So it is 6 + 11 = 18.", "18", False), ("= 18", "18", True),
        ("2 * 17 = 34, so 34/2", "34/2", True), ("Then x = 34 / 3 = 17.", "17", False), ("Kim has 6 pens + 11 pens = 17 pens.", "17", True),
        ("That makes 34 / 2 = 17 more pens than before.", "17", True), ("17 cups x 2 = 34 cups", "34", True),
        ("He earns $2/hour * 17 hours = $34", "34", True), ("x = 34 / 2 = 17 pens", "17", True),
        ("They cut 34 / 2 = 17 planks in 4 days.", "17", True), ("They cut 34 / 2 = 17 planks in 4 days.", "4", False),
        ("She paid 20 - 3 = 17 to mend 4 bikes.", "17", True), ("She paid 20 - 3 = 17 to mend 4 bikes.", "4", False),
        ("The total = $17", "17", True), ("The total price = $6 + $11 = $17", "17", True),
        ("That leaves 34 / 2 = 17 dozen.", "17", False), ("6 + 11 = 17 million", "17", False),
        ("6 + y = 17", "17", False), ("6 + pens = 17", "17", False), ("4y = 16", "16", False), ("y/4 = 16", "16", False),
        ("6 + ? = 17", "17", False), ("6 plus y equals 17.", "17", False),
        ("Twice y is 16.", "16", False), ("y squared is 16.", "16", False), ("So y = 16", "16", True),
        ("So y is 16.", "16", True), ("4 times a number is 16.", "16", False),
    ],
    "an equation over lines": [
        ("y + 4\n= 16", "16", False), ("8 + 8\n= 16", "16", True), ("y is at least\n16", "16", False), ("y >\n16", "16", False),
        ("y = 7\nor y = 16", "16", False), ("y = 7\nor y = 16", "7,16", True), ("y + 4 = 20\ny = 16", "16", True),
    ],
    "powers, roots and products": [
        ("That gives 7^2.", "7", False), ("That gives 7^2.", "49", True), ("That gives 3^{4}.", "81", True),
        ("The side is √7.", "7", False), (r"The side is \sqrt{7}.", r"\sqrt7", True), ("The side is 4√7.", "4", False),
        ("Its area is 7π.", "7", False), ("Its area is 7π.", r"7\pi", True), ("We are left with y^7.", "7", False),
        ("In all 7 × 4.", "4", False), ("In all 7 × 4.", "28", False), ("There are 4! ways.", "4", False), ("He saved 7k.", "7", False), ("The cube root of 7.", "7", False),
        ("Then 7y.", "7", False), ("So 10^-4.", "4", False), ("It is 7 × 10^4.", "70000", True), ("It is 7 × 10^4.", "4", False),
    ],
    "fractions and mixed numbers": [
        ("So a part of it, 5/6.", "5/6", True), ("So a part of it, 5/6.", "6", False),
        (r"The share is \frac{5}{6}.", "5/6", True), ("She cut 3 1/4 yards.", "3.25", True), ("She cut 3 1/4 yards.", "1/4", False),
        ("She cut 3 and 1/4 yards.", "1/4", False), ("She cut 3½ yards.", "3", False), ("The chance is 30%.", "30", True),
    ],
    "times, ratios and dates": [
        ("Practice ends at 7:45 pm.", "19:45", True), ("Practice ends at 7:45 pm.", "45", False), ("Practice ends at 7:45.", "7", False),
        ("Practice ends at 7 pm.", "7", False), ("They mix it 7:4.", "7:4", True), ("They mix it 7:4.", "4", False),
        ("They mix it 7 to 4.", "4", False), ("It is due on June 7.", "7", False), ("It is due on 7 June.", "7", False),
    ],
    "chances and ranges": [
        ("The odds are 2 in 7.", "7", False), ("The odds are 2 out of 7.", "2", False), ("One in 7 wins.", "7", False),
        ("It lasts 7-9 days.", "9", False), ("It lasts 7–9 days.", "7", False), ("It lasts 7 to 9 days.", "9", False),
        ("So between 7 and 9.", "9", False), ("Bake it for 2 hours 7 minutes.", "7", False), ("Cut it to 7 feet and 2 inches.", "2", False),
    ],
    "tuples, lists and sets": [
        ("They meet at (7, 2).", "(7,2)", True), ("They meet at (7, 2).", "2", False), ("The zeros are 7 and 2.", "2,7", True),
        ("The zeros are 7 and 2.", "2", False), ("The zeros are 7, 2.", "2", False), ("So y = 7, z = 2.", "2", False),
        ("The range is [2, 7).", "[2,7)", True), ("The range is [2, 7).", "7", False), ("It is {2, 7}.", r"\{2,7\}", True),
        ("Thus $y=2$ or $y=7$.", "7", False), ("Thus $2$ and $7$.", "2,7", True), ("7 red and 2 blue", "2", False),
    ],
    "relations": [
        ("Therefore y > 7.", "7", False), ("Therefore y > 7.", "y>7", True), ("Therefore y ≥ 7.", "7", False),
        (r"Therefore $y \le 7$.", "7", False), ("Therefore y ≠ 7.", "7", False), ("Therefore 7 < y.", "7", False),
        ("Therefore y = ±7.", "7", False), ("Therefore y = ±7.", "-7,7", True), (r"Therefore \pm 7.", "7", False),
        ("It leaves 7 (mod 9).", "9", False), ("It leaves 7 modulo 9.", "9", False),
    ],
    "signs": [
        ("The balance is - 7.", "7", False), ("The balance is - 7.", "-7", True), ("The balance is −7.", "-7", True),
        ("The balance is minus 7.", "-7", True), ("The balance is -$7.", "7", False), ("It is 7 below zero.", "7", False),
    ],
    "money in LaTeX and groups of digits": [
        (r"It sold for \$12{,}500.", "12500", True), (r"It sold for \$12{,}500.", "500", False), ("It sold for $12,500.", "12500", True),
    ],
    "Markdown and pictures": [
        ("So it is __17__.", "17", True), ("So it is **17**.", "17", True), ("**So it is 17.**", "17", True), ("## 17", "17", True),
        ("- Sum: 17", "17", True), ("So it is `17`.", "17", True), ("So it is 17 ✅", "17", True), ("So it is 17. 🎉", "17", True),
    ],
    "what is taken back or asked": [
        ("Is it 17?", "17", False), ("So 17. Wait, that is wrong.", "17", False), ("So 17. I hope it is correct.", "17", True),
        ("So 17. That was fun!", "17", True),
    ],
    "the same with a mark": [
        ("#### 3 1/4 cups", "3.25", True), ("#### 7 in 9", "9", False), ("A: 7 to 9", "7", False), ("A: 7:45 pm", "7:45 pm", True),
        ("The answer is $7$ dozen.", "7", False), ("The answer is at least $7$.", "7", False), ("The answer is $7$ cats.", "7", True),
        ("The answer is 7 of the 9.", "7", False), ("The answer is June 7.", "7", False), ("The answer is 3 1/4 cups.", "1/4", False),
        ("The answer is 7 ✅", "7", True), ("The answer is 7 because 9 - 2 = 7.", "7", True), ("The answer is 7, not 9.", "7", True),
    ],
    "letters and words": [
        ("The answer is C because A is odd.", "C", True), ("The answer is C because A is odd.", "A", False),
        ("Answer: E, not A", "E", True), ("Answer: E, not A", "A", False), ("**D**", "D", True), ("All point to it.\n\nD", "D", True),
        ("(D)", "D", True), ("The correct option is D.", "D", True), ("The answer is option D.", "D", True),
        ("Neither C nor\nDogs", "D", False), ("The answer is May because it rains.", "May", True),
    ],
}  # fmt: skip


@pytest.mark.parametrize("claim", STATED)
def test_the_statement_of_a_text_earns_what_it_says(claim: str) -> None:
    differ = []
    for text, gold, earns in STATED[claim]:
        found = extract(text)
        if (found is not None and decide(found.answer, gold) is True) != earns:
            differ.append((text, gold, earns, found))
    assert differ == []


@pytest.mark.parametrize(
    "text",
    ["Is it 5?", "(at the 5", "5 = ]", "so 5]", "x" * 5000 + " 5", "So 5. No, that is wrong."],
)
def test_where_nothing_can_be_read_whole_there_is_no_answer(text: str) -> None:
    assert extract(text) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [("It ends 8:15 am.", "8:15 am"), ("So 3 to 4 hours.", "3 to 4"), ("Thus $5$ dozen.", "5 dozen"), ("at least 5", "at least 5")],
)  # fmt: skip
def test_words_that_belong_to_an_answer_stay_with_it(text: str, answer: str) -> None:
    found = extract(text)
    assert found is not None
    assert found.answer == answer
