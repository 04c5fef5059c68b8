"""The embedded defaults: worlds of small problems, and a tiny language model that grew up in one.

A world is a folder: `arithmetic` (MATH-like) or `programs` (APPS-like). What they share is here:
`world` (what pre-training needs to know of one), `shots`, `tokenizer`, `batches`, `model`,
`pretrain` (the base model).
"""
