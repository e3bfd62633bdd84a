"""The hot loops on the host: random bits and the numbers made of them, statistics.

Each loop exists twice: in plain NumPy, which is the definition, and compiled by numba. Those that
make random numbers give the same bytes either way. numba is never imported before it is worth it,
and where it is missing NumPy does all the work.
"""

from __future__ import annotations

__all__: list[str] = []
