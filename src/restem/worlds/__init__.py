"""The embedded default: a world of small problems, and a tiny language model that grew up in it.

Read in this order: `authors` (who writes, and what they get systematically wrong), `exercises` and
one subject such as `prealgebra`, `problems` (the cells subject x level), `solutions` and `prompts`
(how it looks as text), `corpus` (documents), `tokenizer`, `batches`, `model`, `pretrain` (the base
model). The numbers in here were tuned together: the base is often wrong when it decodes greedily,
although right solutions are likely enough to be sampled.
"""
