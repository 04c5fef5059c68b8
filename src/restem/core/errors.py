"""What can go wrong, as types. Only `restem.__main__` catches them, prints one line and exits.

RestemError                    exit 1, one line on stderr
├── ParamsError(ValueError)    exit 2: params.yaml or the command line asks for something impossible
├── DataError(ValueError)      a file is missing, truncated, or does not say what it must
├── EngineError(RuntimeError)  a model cannot be loaded, or generation failed
├── SandboxError(RuntimeError) a verifier is broken (never the same as a wrong answer)
└── ResumeError(RuntimeError)  unfinished work cannot be kept or continued

A message says what, which value, where, and what to do next.
"""


class RestemError(Exception):
    """Base of every error a user can mend; carries one line."""


class ParamsError(RestemError, ValueError):
    """A parameter is unknown, of the wrong type, or impossible."""


class DataError(RestemError, ValueError):
    """A data file is missing, truncated or malformed."""


class EngineError(RestemError, RuntimeError):
    """A model folder cannot be used, or text cannot be generated with it."""


class SandboxError(RestemError, RuntimeError):
    """A verifier is broken: too many of its verdicts are faults of its own."""


class ResumeError(RestemError, RuntimeError):
    """Unfinished work cannot be stored or taken up again."""
