"""The arithmetic world, MATH-like: short problems of five subjects, stories as the transfer set.

Read in this order: `authors` (who writes, and what they get systematically wrong), `exercises` and
one subject such as `prealgebra`, `problems` (the cells subject x level), `solutions` and `prompts`
(how it looks as text), `corpus` (documents). The numbers in here were tuned together: the base is
often wrong when it decodes greedily, although right solutions are likely enough to be sampled.
"""
