"""What a list of runs tells of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parametry.core.export import json_text
from parametry.core.hyperparameter import Origin
from parametry.core.manifest_reading import from_json_value
from parametry.core.value import Plain, to_json_value

if TYPE_CHECKING:
    from parametry.recording.run import Run

__all__ = ["Summary"]


@dataclass(frozen=True, slots=True)
class Summary:
    """The ends of a run: what it came to.

    Attributes:
        name: Its name.
        status: How it stands.
        started: When it began, in seconds since 1970.
        ended: When it ended; None where it has not.
        script: The script that was run.
        steps: The latest step that was told; None before the first.
        hyperparameters: All values by address, in effect at the end.
        origins: Where each came from.
        metrics: The latest value of each metric.
    """

    name: str
    status: str
    started: float
    ended: float | None
    script: str | None
    steps: int | None
    hyperparameters: Mapping[str, Plain]
    origins: Mapping[str, Origin | None]
    metrics: Mapping[str, float]

    @classmethod
    def of(cls, run: Run) -> Summary:
        """The summary of a run as its file stands now."""
        entries = run.hyperparameters
        return cls(
            run.name,
            run.status,
            run.started,
            run.ended,
            run.script,
            run.last_step,
            {address: entry.value for address, entry in entries.items()},
            {address: entry.origin for address, entry in entries.items()},
            run.last_values,
        )

    @property
    def seconds(self) -> float | None:
        """How long it took; None where it has not ended."""
        return None if self.ended is None else self.ended - self.started

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON-ready data, but for the origins."""
        return {
            "name": self.name,
            "status": self.status,
            "started": self.started,
            "ended": self.ended,
            "script": self.script,
            "steps": self.steps,
            "hyperparameters": {k: to_json_value(v) for k, v in self.hyperparameters.items()},
            "metrics": {key: to_json_value(value) for key, value in self.metrics.items()},
        }

    def to_text(self) -> str:
        """All of it as JSON text, for `from_text`."""
        return json_text({**self.to_dict(), "origins": dict(self.origins)})

    @classmethod
    def from_text(cls, text: str) -> Summary:
        """The summary that `to_text` wrote."""
        data = json.loads(text)
        for name in ("hyperparameters", "metrics"):
            data[name] = {key: from_json_value(value) for key, value in data[name].items()}
        return cls(**data)
