"""restem: a language model teaches itself from problems whose answers can be checked.

ReST^EM, "Beyond Human Data", arXiv 2312.06585.
"""

__version__ = "0.1.0"
