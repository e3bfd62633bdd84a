"""The hot loops on the host: random bits, and the numbers that are made of them.

Each loop exists twice: in plain NumPy (``exact``), which is the definition, and compiled by numba
(``fast``), which must give the same bytes. numba is never imported before it is worth it, and where
it is missing NumPy does all the work.
"""

from __future__ import annotations

__all__: list[str] = []
