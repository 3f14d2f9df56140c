"""Figures that are as fresh as they are cheap."""

from __future__ import annotations

from bot.core.work.lately import Lately


class _Parts:
    def __init__(self, *parts: float) -> None:
        self.parts = parts
        self.asked = 0

    def __call__(self) -> tuple[float, ...]:
        self.asked += 1
        return self.parts


def test_of_a_thousand_the_sum_is_at_most_a_tenth_of_a_second_old() -> None:
    now, parts = [5.0], _Parts(*[1.0] * 1000)
    lately = Lately(parts, lambda: now[0])
    assert (lately(), lately()) == (1000, 1000)
    parts.parts = (7.0,)
    now[0] += 0.09
    assert (lately(), parts.asked) == (1000, 1)
    now[0] += 0.02
    assert (lately(), parts.asked) == (7, 2)


def test_what_is_nothing_is_looked_at_again_at_once() -> None:
    parts = _Parts()
    lately = Lately(parts, lambda: 5.0)
    assert lately() == 0
    parts.parts = (3.0,)
    assert lately() == 3
