"""First code of a zygote, handed to `python -c`: takes the other modules from the pipe.

So the zygote needs no file of ours, which a sandbox would have to show. Its outermost frame, this
one, is also the only one above a program.
"""

import marshal
import os
import sys
import types


def _take(size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = os.read(0, size - len(data))
        if not part:
            raise SystemExit("the box is gone")
        data += part
    return data


def _load() -> types.ModuleType:
    """Make the modules. They come in an order in which each needs only earlier ones, the zygote
    last; packages come without code."""
    for name, code in marshal.loads(_take(int.from_bytes(_take(8), "little"))):
        module = types.ModuleType(name)
        sys.modules[name] = module
        if code is None:
            module.__path__ = []
        else:
            exec(code, module.__dict__)
    return module


if __name__ == "__main__":
    zygote = _load()
    # From here on as little as possible: a program's process pays for every object it touches.
    serve, begin, end, problem = zygote.serve, zygote.begin, zygote.end, None
    del zygote
    code = serve()  # returns only in a process that is to run a program
    try:
        exec(*begin(code))
    except BaseException as raised:  # noqa: BLE001 - a program may raise anything
        problem = raised
    end(problem)
