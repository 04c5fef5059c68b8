"""`restem grade --serve`: the same rows and verdicts over HTTP, for trainers that ask for rewards.

    POST /grade    {"rows": [row, ...]}, a list of rows, or one row -> {"verdicts": [...]}
                   as application/x-ndjson: one row a line -> one verdict a line
    GET  /health   {"status": "ok", "version", "graders", "waiting_rows"}

    requests -> rows -> a queue per reward -> batches -> one thread per reward

It serves this machine alone, because programs run here. Web pages cannot use it: a browser asks the
server before it sends JSON to another site, and this server does not agree. It also refuses a Host
that is not this machine, so a page cannot point its own name here.
Errors are {"error": what, where, what to do}: 400 no JSON, 403 Host, 404, 405, 408 the body stalls,
411, 413, 415, 500 no sandbox works, 503 full (Retry-After).
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import os
import re
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from restem import __version__
from restem.commands import grade_rows
from restem.commands.grade_limits import Limits
from restem.commands.grade_queue import Queue
from restem.commands.grade_rows import CODE, MATH, BadRow, Row, Unread, line, not_read, read
from restem.core.errors import ParamsError, RestemError

if TYPE_CHECKING:
    from types import FrameType

    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

log = logging.getLogger(__name__)
MAX_BODY = 1 << 26  # bytes: 64 MiB
MAX_BODIES = 1 << 28  # of all requests together
MAX_ROWS = 1 << 16  # that wait per reward
BODY_S = 120.0  # in which a body must come: what has begun counts as under way
RETRY_S = 2
LAST_BATCH_S = 10.0
JSON, LINES = "application/json", "application/x-ndjson"
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?", re.IGNORECASE)
_WANTED = 'Send {"rows": [{"id", "text", "gold" or "tests"}, ...]}'


class Refused(Exception):
    """A request that is not answered; the text says why and what to do."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def serve(host: str, port: int, limits: Limits) -> None:
    """Until Ctrl-C or SIGTERM; what was asked before is still answered, unless it comes twice.

    Main thread only. Raises: ParamsError for an address that cannot be served, KeyboardInterrupt
    for Ctrl-C.
    """
    with opened(host, port, limits) as (server, listener, address):
        first = server.handle_exit

        def end(sig: int, frame: FrameType | None) -> None:
            if server.should_exit:
                os._exit(128 + sig)  # threads wait for programs, which die with this process
            first(sig, frame)

        server.handle_exit = end  # type: ignore[method-assign]  # uvicorn has no other place for it
        signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn ends, then sends it once more
        log.info(
            "grading at %s (POST /grade, GET /health); Ctrl-C ends when all is answered, "
            "a second one at once",
            address,
        )
        server.run(sockets=[listener])


@contextmanager
def opened(
    host: str, port: int, limits: Limits, max_rows: int = MAX_ROWS
) -> Iterator[tuple[uvicorn.Server, socket.socket, str]]:
    """A server that is ready to run, its socket and address. max_rows: that may wait per reward.

    Raises: ParamsError.
    """
    import uvicorn

    listener, address = _listen(host, port)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    with closing(listener):
        queues = {kind: Queue(kind, limits, max_rows) for kind in (MATH, CODE)}
        try:
            config = uvicorn.Config(
                application(queues), loop="asyncio", http="h11", ws="none", lifespan="off",
                log_config=None, access_log=False, server_header=False, timeout_keep_alive=60,
            )  # fmt: skip
            yield uvicorn.Server(config), listener, address
        finally:
            for queue in queues.values():
                queue.close(LAST_BATCH_S)


def _listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A listening socket and its address as a URL. Raises: ParamsError."""
    name = "127.0.0.1" if host == "localhost" else host
    if not 0 <= port <= 65535:
        raise ParamsError(f"--port must be 0 to 65535, got {port}. 0 takes a free port.")
    if not _is_loopback(name):
        raise ParamsError(
            f"--host must be a loopback address, got {host!r}: whoever reaches another one could "
            "run programs here. Keep 127.0.0.1 and tunnel from the other machine: "
            f"`ssh -N -L {port or 'PORT'}:127.0.0.1:{port or 'PORT'} THIS_MACHINE`."
        )
    listener = socket.socket(socket.AF_INET6 if ":" in name else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((name, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise ParamsError(
            f"cannot serve at {host}, port {port}: {error.strerror}. `--port 0` takes a free port."
        ) from None
    shown = f"[{name}]" if ":" in name else name
    return listener, f"http://{shown}:{listener.getsockname()[1]}"


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def application(queues: dict[str, Queue]) -> Starlette:
    """The routes."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    desk = Desk(queues)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        headers = {"Retry-After": str(RETRY_S)} if error.status == 503 else {}
        return JSONResponse({"error": str(error)}, error.status, headers)

    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        there = f"{request.method} {request.url.path}"
        said = f"{there} is not served. There is POST /grade and GET /health."
        return JSONResponse({"error": said}, error.status_code, error.headers)

    async def gone(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": "the client has left"}, 400)

    app = Starlette(
        routes=[
            Route("/grade", desk.grade, methods=["POST"]),
            Route("/health", desk.health, methods=["GET"]),
        ],
        exception_handlers={Refused: refused, ClientDisconnect: gone, 404: unknown, 405: unknown},
    )
    app.router.redirect_slashes = False  # clients would not follow with what they sent
    return app


class Desk:
    """Takes requests; knows how many bytes are under way."""

    def __init__(self, queues: dict[str, Queue]) -> None:
        self._queues = queues
        self._num_bytes = 0

    async def health(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        _check_host(request)
        queues = self._queues.values()
        return JSONResponse({
            "status": "ok",
            "version": __version__,
            "graders": [queue.grader for queue in queues if queue.grader],
            "waiting_rows": {queue.kind: queue.depth for queue in queues},
        })  # fmt: skip

    async def grade(self, request: Request) -> Response:
        from starlette.responses import Response

        _check_host(request)
        kind, size = _content_type(request), _content_length(request)
        if self._num_bytes and self._num_bytes + size > MAX_BODIES:
            raise _full(f"{self._num_bytes:,} bytes of requests")
        self._num_bytes += size
        try:
            body = await _body(request)
            rows = await asyncio.to_thread(rows_of, body, kind)
            lines = await self._lines(rows)
        finally:
            self._num_bytes -= size
        if kind == LINES:
            return Response("".join(f"{line}\n" for line in lines), media_type=LINES)
        return Response(f'{{"verdicts": [{", ".join(lines)}]}}', media_type=JSON)

    async def _lines(self, rows: Sequence[Row | Unread]) -> list[str]:
        """Raises: Refused."""
        asked = {
            kind: [row for row in rows if isinstance(row, Row) and row.kind == kind]
            for kind in self._queues
        }
        for kind, some in asked.items():
            if some and not self._queues[kind].has_room(len(some)):
                raise _full(f"{self._queues[kind].depth:,} rows for the reward {kind}")
        answers = [
            asyncio.wrap_future(self._queues[kind].put(some)) for kind, some in asked.items()
        ]
        try:
            found = await asyncio.gather(*answers)
        except (RestemError, OSError) as error:
            raise Refused(500, " ".join(str(error).split())) from error
        judged = {kind: iter(lines) for kind, lines in zip(asked, found, strict=True)}
        return [
            line(row, not_read(row), None) if isinstance(row, Unread) else next(judged[row.kind])
            for row in rows
        ]


def rows_of(body: bytes, kind: str) -> list[Row | Unread]:
    """The rows of a request. Raises: Refused for a body that is no list of rows."""
    if kind == LINES:
        parts = enumerate(body.split(b"\n"), 1)
        return [read(part.rstrip(b"\r"), n, f"line {n}") for n, part in parts if part.strip()]
    try:
        texts = list(_row_texts(body.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise Refused(400, f"no UTF-8 (byte {error.start + 1} of the body). {_WANTED}.") from None
    except json.JSONDecodeError as error:
        why = f"no JSON ({error.msg}, character {error.pos + 1} of the body)"
        raise Refused(400, f"{why}. {_WANTED}.") from None
    except BadRow as error:
        raise Refused(400, f"the body {error}. {_WANTED}.") from None
    except RecursionError:
        raise Refused(400, f"the body is nested too deeply. {_WANTED}.") from None
    return [read(text, n, f"item {n}") for n, text in enumerate(texts, 1)]


def _row_texts(text: str) -> Iterator[str]:
    """Each row as its own JSON. Raises: Refused, BadRow, JSONDecodeError, RecursionError."""
    start = text.lstrip(" \t\n\r")[:1]
    if start == "[":
        yield from grade_rows.items(text)
        return
    found = dict(grade_rows.members(text, grade_rows.LENIENT))
    if "rows" in found and isinstance(found["rows"].value, list):
        yield from grade_rows.items(found["rows"].raw)
    elif "rows" not in found and ("text" in found or "id" in found):
        yield text
    else:
        there = grade_rows.printable(", ".join(found) or "nothing")[:80]
        raise Refused(400, f"the body holds no list of rows, it has {there}. {_WANTED}.")


def _check_host(request: Request) -> None:
    host = request.headers.get("host", "")
    if not _LOOPBACK.fullmatch(host):
        raise Refused(403, f"Host {host[:80]!r} is not this machine. Ask 127.0.0.1 or localhost.")


def _content_type(request: Request) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (JSON, LINES):
        raise Refused(415, f"Content-Type must be {JSON} or {LINES}, got {kind[:80]!r}.")
    return kind


def _content_length(request: Request) -> int:
    said = request.headers.get("content-length")
    if said is None:
        raise Refused(411, "Content-Length is missing. Send the body as a whole, not in chunks.")
    size = 0
    with suppress(ValueError):
        size = int(said)
    if size > MAX_BODY:
        raise Refused(413, f"the body has {size:,} bytes, {MAX_BODY:,} are taken. Send fewer rows.")
    return size


async def _body(request: Request) -> bytes:
    """Raises: Refused, ClientDisconnect."""
    try:
        async with asyncio.timeout(BODY_S):
            return await request.body()
    except TimeoutError:
        raise Refused(408, f"the body did not come within {BODY_S:g} s. Send it again.") from None


def _full(what: str) -> Refused:
    return Refused(503, f"{what} are waiting already. Ask again in {RETRY_S} s.")
