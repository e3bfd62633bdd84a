"""Hits are found wherever they are, however many there are of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from parametry.kernels.bits_numba import FORESEEN, places_of_hits


@given(
    hnp.arrays(np.uint8, st.integers(0, 8).map(lambda words: 64 * words)),
    st.floats(0, 1),
    st.data(),
)
@settings(deadline=None)
def test_places(hits: NDArray[Any], share: float, data: st.DataObject) -> None:
    hits = np.where(np.random.default_rng(0).random(hits.size) < share, hits, 0).astype(np.uint8)
    size = data.draw(st.integers(0, hits.size))
    guard = 7
    places = np.full(size + FORESEEN + guard, 60_000, np.uint16)
    found = places_of_hits(hits, size, places[: size + FORESEEN])
    assert places[:found].tolist() == np.flatnonzero(hits[:size]).tolist()
    assert (places[-guard:] == 60_000).all()


def test_all_and_none() -> None:
    places = np.empty(2048 + FORESEEN, np.uint16)
    assert places_of_hits(np.full(2048, 255, np.uint8), 2048, places) == 2048
    assert places[:2048].tolist() == list(range(2048))
    assert places_of_hits(np.zeros(2048, np.uint8), 2048, places) == 0
