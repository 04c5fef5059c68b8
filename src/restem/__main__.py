"""The command line: `python -m restem STAGE [ITERATION]` and the commands for people.

The only file that prints errors and exits. It checks params.yaml, then hands over to `stages/` or
`commands/`, which are imported by name and only when asked for, so that `--help` and the cheap
stages start at once.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from restem import __version__
from restem.core import disk, earlier, identity, layout, params, plugins, ranges
from restem.core.errors import ParamsError, RestemError
from restem.core.orphans import end_with_dvc
from restem.stages import idle

log = logging.getLogger(__name__)

LOOP = tuple(str(k) for k in range(1, ranges.MAX_ITERS + 1))
# stage: (iterations it takes, what it does)
STAGES: dict[str, tuple[tuple[str, ...], str]] = {
    "inputs": ((), "what params.yaml names is here and can work"),
    "code": ((), "which code each stage runs"),
    "plan": ((), "which iterations are active"),
    "prepare": ((), "problems of every split, with their prompts"),
    "base": ((), "the base model, policy 0"),
    "sample": (LOOP, "E-step: draw N solutions per training problem"),
    "score": (LOOP, "E-step: the reward of every sample"),
    "filter": (LOOP, "E-step: select and weigh solutions by reward, at most `cap` per problem"),
    "train": ((*LOOP, "human"), "M-step: fine-tune on the kept solutions"),
    "eval": (("0", *LOOP, "human"), "pass@1, pass@k and maj@k of a policy"),
    "audit": ((), "how far the verdicts can be trusted: second grader, probes, ledger"),
    "report": ((), "metrics/: summary, table, figures, report.html"),
    "track": ((), "record the experiment in MLflow"),
}
COMMANDS = {
    "configure": "set params.yaml from a preset and overrides",
    "peek": "read samples, training rows or problems like a person",
    "grade": "verdicts on rows of your own, math answers or programs; from a file or over HTTP",
    "regrade": "what today's grader says of a scored iteration, and which verdicts flip",
    "doctor": "what is installed, what would run, what it would cost",
    "plan-cost": "what the run will cost, from a slice that is really drawn and graded",
    "draw": "draw a part of an iteration's samples, as one job of many on a cluster",
    "repair": "mend what a killed run has left, so that `dvc repro` goes on",
    "store": "what unfinished work and kept samples take of the disk; free or adopt it",
}

HELP = """\
restem: a language model teaches itself from problems whose answers can be checked (ReST^EM)

examples
  dvc repro                                the whole experiment; DVC calls the stages below
  python -m restem doctor                  what is installed, what would run, what it would cost
  python -m restem configure preset=smoke  a whole setting into params.yaml; its comments stay
  python -m restem configure iters=3       a single value
  python -m restem peek 1 --outcome wrong  wrong solutions of iteration 1, with their problems
  python -m restem sample 2                one stage by hand, as `dvc repro -s sample@2` would

usage
  python -m restem [-v | -q] STAGE [ITERATION]
  python -m restem [-v | -q] COMMAND ...        (COMMAND --help says more)

stages, in order (ITERATION: 1 to {last}; train takes also `human`, eval also 0 and `human`)
{stages}

commands
{commands}

options
  -v, --verbose    debug messages, and the traceback of an error
  -q, --quiet      warnings and errors only, no progress bars
  --version        the version
  -h, --help       this text

exit codes
  0    done
  1    failed: a file, a model, a verifier or a disk; the message says what to do
  2    params.yaml or the command line asks for something impossible
  130  stopped with Ctrl-C; finished parts are kept, `dvc repro` goes on
"""

# Read by libraries while they are imported; what the user has set stays.
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",  # models are folders; nothing is downloaded behind one's back
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",  # threads and forked workers do not mix
    "TRANSFORMERS_VERBOSITY": "error",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
NOISY = ("httpx", "httpcore", "urllib3", "transformers", "mlflow", "alembic", "datasets", "fsspec",
         "filelock", "matplotlib", "sqlalchemy", "git", "asyncio")  # fmt: skip


class Parser(argparse.ArgumentParser):
    """argparse that raises where it would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise ParamsError(f"{message}. `{self.prog} --help` says more.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage or command; the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name, what = "restem", ""
    try:
        what, rest = _command_of(words)
        if not what:
            return _answer(rest)
        _prepare_process(words)
        if what in STAGES:
            name = " ".join(["restem", *(word for word in words if not word.startswith("-"))])
            _run_stage(what, rest)
        else:
            name = f"restem {what}"
            _run_command(what, rest)
    except KeyboardInterrupt:
        kept = "; finished parts are kept, run `dvc repro` to go on" if what in STAGES else ""
        _complain(f"stopped{kept}")
        return 130
    except BrokenPipeError:  # `peek ... | head` has seen enough
        _close_stdout()
        return 0
    except Exception as error:
        full = not isinstance(error, RestemError) and disk.full(error)
        if not full and not isinstance(error, (RestemError, OSError)):
            raise
        log.debug("traceback of the error below", exc_info=error)
        if full and not getattr(error, "filename", None):
            _close_stdout()  # else Python fails once more, at the end
        _complain(f"{name}: {_one_line(error)}{_earlier(what)}")
        return 2 if isinstance(error, ParamsError) else 1
    return 0


def _command_of(words: list[str]) -> tuple[str, list[str]]:
    """The stage or command, and what follows it; "" and the options where there is none.

    Raises: ParamsError with the nearest name for an unknown one.
    """
    for position, word in enumerate(words):
        if word.startswith("-"):
            continue
        if word not in STAGES and word not in COMMANDS:
            known = [*STAGES, *COMMANDS]
            close = difflib.get_close_matches(word, known, 1)
            hint = f"Did you mean {close[0]}?" if close else f"There is {', '.join(known)}."
            raise ParamsError(f"unknown stage or command {word!r}. {hint}")
        return word, words[:position] + words[position + 1 :]
    return "", words


def _answer(options: list[str]) -> int:
    """Help and version; the exit code."""
    unknown = set(options) - {"-h", "--help", "--version", "-v", "--verbose", "-q", "--quiet"}
    if unknown:
        raise ParamsError(f"unknown option {min(unknown)}. `python -m restem --help` lists them.")
    if "--version" in options:
        print(f"restem {__version__}")
        return 0
    asked = "-h" in options or "--help" in options
    print(help_text(), end="", file=sys.stdout if asked else sys.stderr, flush=True)
    return 0 if asked else 2


def help_text() -> str:
    """The text of `--help`."""
    stages = "\n".join(f"  {name:<10} {text}" for name, (_, text) in STAGES.items())
    commands = "\n".join(f"  {name:<10} {text}" for name, text in COMMANDS.items())
    return HELP.format(stages=stages, commands=commands, last=ranges.MAX_ITERS)


def _prepare_process(words: list[str]) -> None:
    """Logging to stderr and the environment of the libraries."""
    level = logging.INFO
    if "-q" in words or "--quiet" in words:
        level = logging.WARNING
    if "-v" in words or "--verbose" in words:
        level = logging.DEBUG
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr, force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    if not (os.path.exists("/dev/nvidiactl") or os.path.exists("/dev/kfd")):
        os.environ.setdefault("DS_ACCELERATOR", "cpu")  # else DeepSpeed prints that it has guessed


def _parser(what: str, description: str) -> Parser:
    parser = Parser(prog=f"python -m restem {what}", description=description)
    parser.add_argument("-v", "--verbose", action="store_true", help="debug messages, tracebacks")
    parser.add_argument("-q", "--quiet", action="store_true", help="warnings and errors only")
    return parser


def _run_stage(stage: str, rest: list[str]) -> None:
    """Check params.yaml, then run; an iteration beyond `iters` only leaves its marks."""
    iterations, text = STAGES[stage]
    parser = _parser(stage, f"{text}. Reads params.yaml; paths are those of dvc.yaml.")
    if iterations:
        parser.add_argument("iteration", nargs="?", help=" ".join(iterations))
    iteration: str | None = vars(parser.parse_args(rest)).get("iteration")
    if iterations and iteration not in iterations:
        got = "none" if iteration is None else repr(iteration)
        raise ParamsError(f"needs an iteration out of {', '.join(iterations)}, got {got}. "
                          f"Example: `python -m restem {stage} 1`.")  # fmt: skip
    values = params.load()
    for kind, plugin in (
        ("task", values.task),
        ("engine", values.engine),
        ("reward", values.reward),
    ):
        plugins.check(kind, plugin)
    by_dvc = "DVC_STAGE" in os.environ
    if by_dvc:
        end_with_dvc()
    if iteration is not None and idle.applies(stage) and not layout.is_active(iteration):
        idle.write(stage, iteration)
        log.info("iteration %s is idle (params.yaml: iters is %d)", iteration, values.iters)
    else:
        recorded = layout.code(stage)
        # `inputs` and `code` come before the digests are written.
        checked = by_dvc and stage not in ("inputs", "code") and recorded.is_file()
        if checked:
            identity.check_recorded(recorded, stage, values)
        importlib.import_module(f"restem.stages.{stage}").run(values, iteration)
        if checked:  # parts of it may have been imported since
            identity.check_recorded(recorded, stage, values)
    if stage == "inputs":  # DVC has deleted no output yet that a user would miss
        settled = earlier.is_settled(stage)
        importlib.import_module("restem.commands.checks").check(values, settled)


def _run_command(command: str, rest: list[str]) -> None:
    """Print the lines of a command as they come."""
    module = importlib.import_module(f"restem.commands.{command.replace('-', '_')}")
    parser = _parser(command, module.__doc__ or "")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    module.add_arguments(parser)
    for line in module.run(parser.parse_args(rest)):
        print(line)
    sys.stdout.flush()


def _earlier(stage: str) -> str:
    """How to get back what DVC deleted before this stage; of the first two, nothing."""
    if stage not in STAGES or stage in ("plan", "inputs") or "DVC_STAGE" not in os.environ:
        return ""
    return earlier.hint(os.environ["DVC_STAGE"])


def _close_stdout() -> None:
    """What is still to be printed goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one_line(error: Exception) -> str:
    if not isinstance(error, RestemError) and disk.full(error):
        error = disk.unwritable(Path(getattr(error, "filename", None) or "the output"), error)
    if isinstance(error, OSError) and error.strerror:
        named = f"{error.filename}: " if error.filename else ""
        return f"{named}{error.strerror}"
    return " ".join(str(error).split())


def _complain(message: str) -> None:
    print(message, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
