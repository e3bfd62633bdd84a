"""Initial values: one file for each family, each with its formula and its source."""

from __future__ import annotations

__all__: list[str] = []
