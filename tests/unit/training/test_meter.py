import time

import pytest

from restem.training.meter import Meter, peak_flops


def test_a_phase_inside_another_is_counted_once() -> None:
    meter = Meter()
    with meter.phase("update"):
        time.sleep(0.02)
        with meter.phase("save"):
            time.sleep(0.2)
    assert 0.02 <= meter.seconds["update"] < 0.2 <= meter.seconds["save"]


def test_rates_are_those_of_all_processes() -> None:
    meter = Meter(tokens=400, own_tokens=100, own_padded=150, flops=8e12, peak_flops=1e12)
    assert meter.rates(2) == {}
    meter.seconds["update"] = 8.0
    assert meter.rates(2) == {"tokens_per_s": 50.0, "padded_tokens_per_s": 75.0, "mfu": 0.5}


def test_what_another_process_counted_is_added() -> None:
    meter, other = Meter(tokens=1, peak_mb=5.0), Meter(tokens=2, peak_mb=7.0, peak_flops=3.0)
    other.seconds["load"] = 1.5
    meter.add(other.plain())
    meter.add(other.plain())
    assert (meter.tokens, meter.peak_mb, meter.peak_flops) == (5, 7.0, 3.0)
    assert meter.seconds == {"load": 3.0}


@pytest.mark.parametrize(
    ("name", "flops"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA H100 PCIe", 0.0),
        ("NVIDIA L40", 0.0),
        ("NVIDIA L4", 121e12),
    ],
)
def test_gpus_are_known_by_their_names(name: str, flops: float) -> None:
    assert peak_flops(name) == flops
