"""Which sandbox a driver runs in: the one with numpy loaded is slower to copy."""

import pytest

from restem.rewards.programs import drivers


@pytest.mark.parametrize(
    "source", [drivers.caller_source, drivers.checker_source, drivers.layout_source]
)
def test_a_driver_names_numpy_only_where_program_or_tests_do(source: object) -> None:
    assert callable(source)
    bare = source()
    assert "numpy" not in bare
    assert drivers.for_text(bare, "import math") == bare
    assert "numpy" in drivers.for_text(bare, "import numpy as np")


def test_a_driver_is_the_same_each_time() -> None:
    first = drivers.checker_source()
    drivers.checker_source.cache_clear()
    assert drivers.checker_source() == first
