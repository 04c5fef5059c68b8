"""What world B says to a program it cannot see: stand-ins for its functions, and their answers.

Runs inside the sandbox.
"""

from __future__ import annotations

import builtins
import random
import signal
from collections import deque
from collections.abc import Callable, Iterator

from restem.rewards.programs.caller import Kept, answer
from restem.rewards.programs.things import finder, told
from restem.rewards.programs.values import MAX_ARGUMENT, Json, Refused, decode, encode

_GUESSING_S = 0.5  # CPU seconds
_MAX_NOTED = 5000
TOO_LONG = "too long to foresee"
Call = dict[str, Json]
Function = Callable[..., object]


class Stop(BaseException):
    """Ends the tests. No Exception: tests may catch those."""


class Broken(Stop):
    """They cannot be run."""


def _stop(*_: object) -> None:
    raise Stop(TOO_LONG)


class Anything:
    """Agrees with every comparison, is empty, is 0, and gives more of its kind."""

    agrees = True

    def __getattr__(self, name: str) -> Anything:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: object, **__: object) -> Anything:
        return self

    def __iter__(self) -> Iterator[object]:
        return iter(())

    def __int__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 0.0

    def _same(self, *_: object) -> Anything:
        return self

    def _true(self, *_: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    __index__ = __len__ = __int__
    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _true
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _same
    __rtruediv__ = __floordiv__ = __mod__ = __pow__ = __neg__ = __abs__ = __getitem__ = _same
    __round__ = __rmod__ = __and__ = __or__ = __xor__ = _same


_OF_ANYTHING = "a value of type Anything"


class Talk:
    """What was asked of the program, and what it answered.

    reference: the names of a program that answers while the run is adrift, instead of guesses.
    iterates: whether the tests wait for a StopIteration of the program. In others a `map` would
    take it for the end of the tests' own cases, and none would be left to fail.
    """

    def __init__(
        self,
        calls: list[Call],
        answers: list[Call],
        reference: dict[str, object] | None = None,
        iterates: bool = False,
    ) -> None:
        self._iterates = iterates
        self._known = list(zip(calls, answers, strict=False))
        self._reference = reference
        self._kept = Kept()  # of the reference
        self._find = finder(self._ask_thing)
        self.guesses = reference is None
        self.seen: list[Call] = []
        self.guessed: list[Call] = []
        """The reference's answers."""
        self.answered = 0
        self.adrift = False
        self.raised: BaseException | None = None
        self.undefined: NameError | None = None
        """The first name that the tests lack, while adrift."""
        self.stopped: Stop | None = None

    def function(self, name: str) -> Function:
        """A stand-in for a function of the program."""

        def ask(*arguments: object, **keywords: object) -> object:
            call = {"f": name} | self._sent(name, arguments, keywords)
            return self._ask(call, arguments)

        return ask

    def site(self, source: str) -> Function:
        """A stand-in for an expression that is evaluated beside the program."""
        return lambda: self._ask({"x": source}, ())

    def pardon(self, error: Exception) -> bool:
        """Whether a step of the tests may go on after an error: only guesses have led to it."""
        if not (self.adrift and self.guesses):
            return False
        if type(error) is NameError and self.undefined is None:
            self.undefined = error
        return True

    def _ask_thing(
        self, call: Call, arguments: tuple[object, ...], keywords: dict[str, object] | None
    ) -> object:
        if keywords is not None:
            call = call | self._sent(str(call["m"]), arguments, keywords)
        return self._ask(call, arguments)

    def _sent(self, name: str, arguments: tuple[object, ...], keywords: dict[str, object]) -> Call:
        """Arguments as data."""
        try:
            given: Json = [encode(argument, MAX_ARGUMENT, told) for argument in arguments]
            named: Json = [[k, encode(value, MAX_ARGUMENT, told)] for k, value in keywords.items()]
        except Refused as error:
            raise self._unsendable(name, error) from None
        return {"a": given, "k": named}

    def _unsendable(self, name: str, error: Refused) -> Stop:
        """Who is to blame for an argument: the tests, if they have no answer of the program yet."""
        reason = f"{name} is given {error}"
        if self.guesses and not self.answered and str(error) != _OF_ANYTHING:
            return self._end(Broken(reason))
        return Stop() if self.adrift and self.guesses else self._end(Stop(reason))

    def _end(self, stop: Stop) -> Stop:
        """Tests may swallow it, the verdict does not."""
        self.stopped = self.stopped or stop
        return stop

    def _ask(self, call: Call, arguments: tuple[object, ...]) -> object:
        """The answer to the next call, or a guess."""
        place = len(self.seen)
        self.seen.append(call)
        if not self.adrift and place < len(self._known) and self._known[place][0] == call:
            self.answered += 1
            return self._give(self._known[place][1], arguments)
        if self._reference is not None:
            self.adrift = True
            return self._give(self._refer(call, self._reference), arguments)
        if not self.adrift:
            self.adrift = True
            signal.signal(signal.SIGVTALRM, _stop)
            signal.setitimer(signal.ITIMER_VIRTUAL, _GUESSING_S, _GUESSING_S)
        elif place - self.answered > _MAX_NOTED:
            raise Stop("too many calls to foresee")
        return Anything()

    def _refer(self, call: Call, names: dict[str, object]) -> Call:
        """The reference's answer; the tests' random numbers go on as without it."""
        state = random.getstate()
        try:
            self.guessed.append(answer(call, names, self._kept))
        finally:
            random.setstate(state)
        return self.guessed[-1]

    def _give(self, said: Call, arguments: tuple[object, ...]) -> object:
        """Return or raise as the program did, and change the arguments it changed."""
        if "refused" in said:
            raise self._end(Stop(f"it returned {said['refused']}"))
        if "raised" in said:
            self.raised = self._exception(said["raised"])
            raise self.raised
        try:
            changed = said.get("changed") or {}
            assert isinstance(changed, dict)
            for place, after in changed.items():
                _overwrite(arguments[int(place)], decode(after, self._find))
            value = decode(said["value"], self._find)
            same = said.get("same")
            return arguments[same] if isinstance(same, int) else value
        except (ValueError, TypeError, AssertionError, LookupError):
            raise self._end(Stop("its answer cannot be read")) from None

    def _exception(self, raised: Json) -> BaseException:
        """An exception of the built-in type the program's had."""
        name, text = raised if isinstance(raised, list) and len(raised) == 2 else ("", "")
        kind = getattr(builtins, str(name), RuntimeError)
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            kind = RuntimeError
        if issubclass(kind, (StopIteration, StopAsyncIteration)) and not self._iterates:
            return RuntimeError(f"it raised {name}")
        try:
            return kind(str(text))
        except TypeError:  # UnicodeDecodeError and its kin want more arguments
            return RuntimeError(f"{name}: {text}")


def _overwrite(target: object, content: object) -> None:
    if isinstance(target, (list, bytearray)) and isinstance(content, (list, bytearray)):
        target[:] = content
    elif isinstance(target, deque) and isinstance(content, deque):
        target.clear()
        target.extend(content)
    elif isinstance(target, (dict, set)) and isinstance(content, (dict, set)):
        target.clear()
        target.update(content)
    elif isinstance(target, tuple) and isinstance(content, tuple):
        for part, after in zip(target, content, strict=False):
            _overwrite(part, after)
    elif type(target).__module__ == type(content).__module__ == "numpy":
        target[...] = content  # type: ignore[index]  # an array: a scalar never changes
