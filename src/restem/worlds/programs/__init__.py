"""The programs world, APPS-like: short programs over a list of numbers, with unit tests.

Read in this order: `operations` (what can be done with a list, and the usual mistake), `chains`
(problems: operations one after the other), `authors` (who writes, and what they get systematically
wrong), `writing` and `prompts` (how it looks as text), `cases` (unit tests that tell all mistakes
from the right program), `corpus` (documents). The transfer set asks for a function instead of a
program, as HumanEval does.
"""
