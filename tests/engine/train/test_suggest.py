"""What the measure of /suggest says of a choice."""

import pytest

from engine.train.curator.suggest import read, verdict


def test_a_choice_of_the_best_beats_lots_and_one_dealt_to_others_does_not() -> None:
    names = [f"style{i}" for i in range(12)]
    table = {
        "first": {name: float(i) for i, name in enumerate(names)},
        "second": {name: float(11 - i) for i, name in enumerate(names)},
    }
    found = verdict(table, {"first": names[:4], "second": names[-4:]})
    assert found.suggested == 1.5
    assert found.lot == 5.5
    assert found.others == 9.5
    assert found.beaten > 0.99
    assert found.photos == 2
    exchanged = verdict(table, {"first": names[-4:], "second": names[:4]})
    assert (exchanged.suggested, exchanged.photos) == (9.5, 0)
    assert exchanged.beaten == pytest.approx(0, abs=0.01)


def test_a_log_goes_on_after_a_line_that_was_cut_off(tmp_path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"photo":"p","name":"n","style":0.5,"content":0.25}\n{"photo":"p","na')
    assert [(row.name, row.content) for row in read(log)] == [("n", 0.25)]
    assert list(read(None)) == []
