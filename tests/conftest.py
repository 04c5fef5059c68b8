"""Who runs what when several processes share the tests (`pytest -n 2`)."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file stays in one process, and so does tests/engines: vLLM and Ray start once.

    NOTE: `--dist loadgroup` would say this with marks, but pytest-xdist 3.8 does not see them under
    pytest 9.2.
    """
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # untyped
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "tests/engines" if file.startswith("tests/engines/") else file

    return Scheduling(config, log)
