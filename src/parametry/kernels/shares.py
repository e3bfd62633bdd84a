"""Work on all cores: threads that take one share after the other, from whatever is left."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread

__all__ = ["in_shares"]


def in_shares(work: Callable[[int], None], shares: Sequence[int]) -> None:
    """Do each share of the work, on as many threads as there are cores for this process.

    Work on arrays lets go of the interpreter's lock, so that threads run side by side. A pool of
    `concurrent.futures` takes some 13 us for each share, most of it waiting for that lock; this
    takes a quarter of a microsecond, and 100 us to begin and to end.

    Args:
        work: What is done with each share. NumPy's settings for errors are the usual ones in it.
        shares: What tells the shares apart.

    Raises:
        BaseException: What the work raised first; what had not been begun then is left out.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    count = min(len(shares), cores or 1)
    if count <= 1:
        for share in shares:
            work(share)
        return
    left, failures = _queue(shares), SimpleQueue[BaseException]()

    def take() -> None:
        while (share := _next(left)) is not None:
            try:
                work(share)
            except BaseException as failure:
                failures.put(failure)
                _empty(left)

    threads = [Thread(target=take, name=f"parametry_{number}") for number in range(count)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:  # after an interrupt, too, nobody works on when this returns
        _empty(left)
        for thread in threads:
            if thread.ident is not None:
                thread.join()
    if not failures.empty():
        raise failures.get()


def _queue(shares: Iterable[int]) -> SimpleQueue[int]:
    left: SimpleQueue[int] = SimpleQueue()
    for share in shares:
        left.put(share)
    return left


def _next(left: SimpleQueue[int]) -> int | None:
    try:
        return left.get_nowait()
    except Empty:
        return None


def _empty(left: SimpleQueue[int]) -> None:
    while _next(left) is not None:
        pass
