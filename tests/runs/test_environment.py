"""What the exact result and the speed of a run depend on."""

import pytest

from lightning_cgan.runs import environment


@pytest.mark.parametrize(
    ("flags", "units"),
    [
        ("flags : fpu avx2 avx512f amx_bf16 amx_tile", True),
        ("flags : avx512_bf16", True),
        ("Features : asimd bf16", True),
        ("flags : fpu avx2 avx512f", False),
        ("", False),
    ],
)
def test_a_cpu_has_bf16_units_if_it_says_so(monkeypatch, flags, units):
    monkeypatch.setattr(environment.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(environment, "cpuinfo", lambda: flags)
    assert environment.has_bf16_units() is units
