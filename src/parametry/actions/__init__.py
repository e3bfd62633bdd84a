"""What is done with models: an action plans, checks it all, then writes all of it or nothing."""

from __future__ import annotations

__all__: list[str] = []
