"""Every share is done once, by whichever thread; a failure is raised where it was asked for."""

from __future__ import annotations

import threading

import pytest

from parametry.kernels.shares import in_shares


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_each_share_once(count: int) -> None:
    done: list[int] = []
    in_shares(done.append, range(count))
    assert sorted(done) == list(range(count))


def test_the_failure_itself_is_raised_and_nobody_works_on() -> None:
    begun: list[int] = []
    failed = threading.Event()

    def work(share: int) -> None:
        begun.append(share)
        if share == 3:
            failed.set()
            raise ValueError("share 3")
        if share > 3:
            failed.wait()

    before = threading.active_count()
    with pytest.raises(ValueError, match="share 3"):
        in_shares(work, range(10_000))
    assert threading.active_count() == before
    assert len(begun) < 10_000


def test_an_exception_of_an_empty_queue_is_one_like_any_other() -> None:
    from queue import Empty

    def work(share: int) -> None:
        raise Empty

    with pytest.raises(Empty):
        in_shares(work, range(8))
