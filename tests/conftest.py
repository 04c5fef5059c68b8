"""What stays together when several processes share the tests (`pytest -n 2 --dist loadgroup`)."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file stays in one process, and all tests of vLLM, Ray and DeepSpeed: engines start once."""
    for item in items:
        file = item.path.relative_to(TESTS)
        group = file.parts[0] if file.parts[0] == "engines" else file.as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
