"""What changes a model: each action plans, checks the whole plan, then writes all of it or nothing."""

from __future__ import annotations

__all__: list[str] = []
