"""A GPU's memory, shared between processes: with a GPU that is only said to be there."""

from __future__ import annotations

import pytest
import torch

from engine import device

GPU, GIB = torch.device("cuda"), 2**30


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Eight gibibytes, of which others have one, and we two, one of them in use."""
    fractions: dict[str, float] = {}
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda which: (5 * GIB, 8 * GIB))
    monkeypatch.setattr("torch.cuda.memory_reserved", lambda which: 2 * GIB)
    monkeypatch.setattr("torch.cuda.memory_allocated", lambda which: 1 * GIB)
    monkeypatch.setattr(
        "torch.cuda.set_per_process_memory_fraction", lambda part, which: fractions.update({which.type: part})
    )
    return fractions


@pytest.mark.parametrize(("share", "gibibytes"), [(1, 6), (2, 3), (4, 1), (16, 0)])
def test_a_picture_may_take_what_is_free_of_its_process_part(
    gpu: dict[str, float], share: int, gibibytes: int
) -> None:
    assert device.free(GPU, 0, share) == gibibytes * GIB


def test_a_process_keeps_to_its_part_where_there_are_others(gpu: dict[str, float]) -> None:
    device.keep_to(GPU, 1)
    device.keep_to(torch.device("cpu"), 4)
    assert gpu == {}
    device.keep_to(GPU, 4)
    assert gpu == {"cuda": 0.25}
