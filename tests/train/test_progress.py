"""What a user sees of a run: members done, running and taken from the store, steps per second, time left."""

from __future__ import annotations

import time

import pytest

from stages.train.pool import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def lines(capsys) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_plain_lines_tell_members_rate_and_time_left(clock, capsys):
    with progress.Progress(1000, 12, 30) as shown:
        assert lines(capsys) == ["training 12 members; 30 taken from the store"]
        shown.show(0, 0, 4)
        assert lines(capsys) == []
        clock[0] += 40  # the kernels are compiled
        shown.show(0, 0, 4)
        (line,) = lines(capsys)
        assert line.startswith("  0%  the kernels are being compiled")
        clock[0] += 1
        shown.show(300, 0, 4)  # from checkpoints
        clock[0] += 10
        shown.show(350, 2, 4)
        assert lines(capsys) == []  # not more often than LINE_SECONDS
        clock[0] += 10
        shown.show(500, 5, 4)
        assert lines(capsys) == [" 50%  5/12 members, 4 running  10 steps/s  50 s left"]
        clock[0] += 20
        shown.show(250, 5, 0)  # a worker died
        assert lines(capsys) == [" 25%  5/12 members, 0 running"]
        shown.arrived = 11
    assert lines(capsys) == ["trained 11 members in 81.0 s"]


def test_a_run_that_fails_does_not_say_that_it_trained(clock, capsys):
    with pytest.raises(RuntimeError), progress.Progress(10, 1, 0):
        raise RuntimeError
    assert lines(capsys) == ["training 1 members; 0 taken from the store"]


def test_on_a_terminal_a_bar_tells_the_same(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress.Progress(1000, 12, 30) as shown:
        shown.show(0, 0, 0)
        assert shown.bar.desc.startswith("compiling the kernels")
        shown.show(250, 3, 4)
        assert (shown.bar.desc, shown.bar.n) == ("3/12 members, 4 running: ", 250)
    stderr = capsys.readouterr().err
    assert "30 taken from the store" in stderr
    assert "250/1.00k" in stderr
