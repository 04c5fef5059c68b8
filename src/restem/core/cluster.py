"""Work on a Ray cluster: items go out to actors, results come back, whatever dies on the way.

    with connected(machine), Fleet(spec, machine) as fleet:
        for item, result in fleet.map(items, str):

An actor takes one GPU group, or one core where the cluster has no GPUs. Nodes may come and go: an
item whose actor died is given to another one, and new nodes get actors while the work goes on.
Only this file and connection.py import Ray, and only when it is used.
"""

from __future__ import annotations

import importlib
import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from restem.core.connection import first_line
from restem.core.errors import EngineError, RestemError
from restem.core.params import Machine

if TYPE_CHECKING:
    import ray

log = logging.getLogger(__name__)
MAX_DEATHS = 3  # of actors, by one item or at the start
RESTART_S = 10.0  # after a failed start: it takes as long until a dead node is known to be dead
IN_FLIGHT = 2  # items an actor holds: the one it is at, and the next
LOOK_S, PATIENCE_S = 1.0, 60.0  # between looks at the nodes; between lines that say it waits


@dataclass(frozen=True, slots=True)
class Spec:
    """What an actor is: `module.function(*arguments)`, a context manager that gives the function
    an item is handed to, and facts to tell the driver."""

    module: str
    function: str
    arguments: tuple[object, ...]
    light: bool = False
    """Takes no core or GPU from others."""


class _Actor:
    """Lives on a node. Our own errors come back as values: Ray would wrap them."""

    def __init__(self, spec: Spec) -> None:
        self._spec, self._stack = spec, ExitStack()

    def start(self) -> object:
        opening = getattr(importlib.import_module(self._spec.module), self._spec.function)
        try:
            self._work, facts = self._stack.enter_context(opening(*self._spec.arguments))
        except RestemError as error:
            return error
        import ray

        node_id = ray.get_runtime_context().get_node_id()
        return {"node": socket.gethostname(), "node_id": node_id, **facts}

    def work(self, item: object) -> object:
        try:
            return self._work(item)
        except RestemError as error:
            return error


_Numbered = tuple[int, Any]
"""An item and its place among all."""


@dataclass(eq=False)
class _Member:
    """An actor, as the driver sees it."""

    handle: Any
    node_id: str = ""
    """Where it is; empty until it is ready."""
    items: list[_Numbered] = field(default_factory=list)
    """Handed to it and not answered, in order."""


class Fleet:
    """Actors of one kind; they end with the context."""

    def __init__(self, spec: Spec, machine: Machine) -> None:
        """machine.workers: most actors, 0 for all that fit."""
        self._spec, self._machine = spec, machine
        self._members: list[_Member] = []
        self._calls: dict[ray.ObjectRef, tuple[_Member, _Numbered | None]] = {}
        """Who is at what; None is its start."""
        self._looked, self._heard = 0.0, time.monotonic()
        self._failed, self._failed_starts = -RESTART_S, 0
        self._kind = ""
        """What an actor takes, "GPU" or "CPU": one for all, since they round differently."""
        self.facts: list[dict[str, Any]] = []
        """What each actor told when it was ready, the dead ones too."""

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *error: object) -> None:
        while self._members:
            self._end(self._members[-1])

    def map(self, items: Iterable[Any], name: Callable[[Any], str]) -> Iterator[tuple[Any, Any]]:
        """(item, result) as they come. Items are taken as there are actors for them.

        name: what an item is called in an error. Raises: what the work raises; EngineError if no
        node has room for an actor, actors do not start, or one item kills several.
        """
        todo = enumerate(items)
        again: deque[_Numbered] = deque()
        deaths: dict[int, int] = {}
        alone: set[int] = set()
        try:
            while True:
                self._grow()
                is_empty = not self._hand_out(again, todo, alone)
                if is_empty and not again and not any(m.items for m in self._members):
                    return
                for member, numbered, answer in self._answers():
                    if isinstance(answer, RestemError):
                        raise answer
                    if answer is not _DEAD:
                        assert numbered is not None
                        member.items.remove(numbered)
                        yield numbered[1], answer
                        continue
                    if member.items:
                        number, item = member.items[0]
                        deaths[number] = deaths.get(number, 0) + 1
                        if deaths[number] == MAX_DEATHS:
                            raise EngineError(_killer(name(item)))
                        log.warning("an actor died at %s; another one takes it", name(item))
                    again.extend(member.items)
                    alone.update(number for number, _ in member.items)
                    self._bury(member)
        finally:
            for member in [m for m in self._members if m.items]:
                self._end(member)  # given up half-way: nobody wants these answers

    def first_facts(self) -> dict[str, Any]:
        """Of the first actor that is ready; waits for it. Raises: EngineError."""
        while not self.facts:
            self._grow()
            for member, _, answer in self._answers():
                if isinstance(answer, RestemError):
                    raise answer
                if answer is _DEAD:
                    self._bury(member)
        return self.facts[0]

    def _hand_out(
        self, again: deque[_Numbered], todo: Iterator[_Numbered], alone: set[int]
    ) -> bool:
        """False when there was room for an item but there is none left.

        What was held by an actor that died goes to another one alone: it may have killed it.
        """
        for depth in range(IN_FLIGHT):
            for member in self._members:
                suspect = any(number in alone for number, _ in member.items)
                if member.node_id and len(member.items) == depth and not suspect:
                    numbered = again.popleft() if again and not depth else next(todo, None)
                    if numbered is None:
                        return False
                    member.items.append(numbered)
                    self._calls[member.handle.work.remote(numbered[1])] = member, numbered
        return True

    def _answers(self) -> list[tuple[_Member, _Numbered | None, object]]:
        """Of calls that have ended: results, errors of ours, `_DEAD` for actors that died."""
        import ray

        found: list[tuple[_Member, _Numbered | None, object]] = []
        if not self._calls:
            time.sleep(0.05)
            return found
        done = ray.wait(list(self._calls), timeout=LOOK_S)[0]
        if done or any(member.items for member in self._members):
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > PATIENCE_S:
            self._heard = time.monotonic()
            log.info("waiting for a free %s of the Ray cluster; others hold them", self._kind)
        for call in done:
            member, numbered = self._calls.pop(call)
            try:
                answer = ray.get(call)
            except ray.exceptions.RayTaskError as error:  # a bug
                raise EngineError(f"an actor failed: {first_line(error.cause)}") from error
            except ray.exceptions.RayError as error:
                log.debug("an actor died: %s", first_line(error))
                answer = _DEAD
            if numbered is None:
                answer = self._started(member, answer)
            if answer is not None:
                found.append((member, numbered, answer))
        return found

    def _started(self, member: _Member, answer: object) -> object:
        """The answer of `start`: None when all is well."""
        now = time.monotonic()
        if answer is _DEAD and now - self._failed > RESTART_S:  # side by side they count as one
            self._failed, self._failed_starts = now, self._failed_starts + 1
            if self._failed_starts == MAX_DEATHS and not any(m.node_id for m in self._members):
                raise EngineError(_killer("their start"))
        if isinstance(answer, dict):
            member.node_id, self._failed_starts = answer["node_id"], 0
            self.facts.append(answer)
            return None
        return answer

    def _grow(self) -> None:
        """An actor for everything that has room for one; nodes are looked at once a second."""
        import ray

        now = time.monotonic()
        if (now - self._looked < LOOK_S and self._members) or now - self._failed < RESTART_S:
            return
        self._looked = time.monotonic()
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not self._kind:
            has_gpus = not self._spec.light and any(node.get("GPU") for node in nodes)
            self._kind = "GPU" if has_gpus else "CPU"
        size = self._machine.tensor_parallel if self._kind == "GPU" else 1
        room = sum(int(node.get(self._kind, 0)) // size for node in nodes)
        if not room and not self.facts:
            raise EngineError(
                f"no node of the Ray cluster has {size} {self._kind}; it has {len(nodes)} nodes. "
                "Lower machine.tensor_parallel, or add nodes."
            )
        cores = 0 if self._spec.light else 1
        need = {"num_gpus": size} if self._kind == "GPU" else {"num_cpus": cores}
        actor = ray.remote(_Actor).options(scheduling_strategy="SPREAD", **need)
        while len(self._members) < min(room, self._machine.workers or room):
            self._members.append(_Member(actor.remote(self._spec)))
            self._calls[self._members[-1].handle.start.remote()] = self._members[-1], None

    def _bury(self, dead: _Member) -> None:
        """With it go the idle ones of its node, which may be dead too: no item should meet them."""
        for member in list(self._members):
            if member is dead or (member.node_id == dead.node_id != "" and not member.items):
                self._end(member)

    def _end(self, member: _Member) -> None:
        import ray

        self._members.remove(member)
        self._calls = {call: one for call, one in self._calls.items() if one[0] is not member}
        with suppress(ray.exceptions.RayError):
            ray.kill(member.handle)


_DEAD = object()


def _killer(what: str) -> str:
    return (
        f"{MAX_DEATHS} actors died at {what}. If memory ran out, lower machine.workers (or "
        "sample.batch_rows, which draws all anew); Ray's logs say more. What is finished is kept."
    )
