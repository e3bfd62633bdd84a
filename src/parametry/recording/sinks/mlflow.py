"""MLflow: a run's hyperparameters as parameters, tags and a file; its metrics as metrics."""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

from parametry.core.facts import Changed, Fact, Snapshot
from parametry.recording.sinks.registry import require
from parametry.recording.sinks.telling import (
    HYPERPARAMETERS_FILE,
    changed_values,
    first_values,
    hyperparameters_text,
    identity,
    remarks,
    scalars,
    text,
)

if TYPE_CHECKING:
    from parametry.recording.run import Cursor, Run

__all__ = ["MLflow"]

T = TypeVar("T")

# MLflow's own limits (mlflow/utils/validation.py).
_LONGEST_KEY: Final = 250
_LONGEST_PARAM: Final = 6000
_LONGEST_TAG: Final = 8000
_MOST_PARAMS_OR_TAGS: Final = 100
_MOST_METRICS: Final = 1000
# Of the million bytes that a request may have; what stands around values takes some, too.
_MOST_CHARACTERS: Final = 500_000

_NOT_IN_KEYS: Final = re.compile(r"[^\w\-./ ]")
_CUT: Final = f" … (whole in {HYPERPARAMETERS_FILE})"
_RUN, _CURSOR = "parametry.run", "parametry.cursor"
_COMMIT: Final = "environment/git/commit"
_STATUSES: Final = {"finished": "FINISHED", "failed": "FAILED"}


class MLflow:
    """Tells a run to MLflow: a server, or a database.

    Every hyperparameter is a parameter under its address, with the value that training began with;
    None, lists and dicts as text. What MLflow cannot take as it is (values of more than 6,000
    characters, keys with other characters than its own) is cut or respelled there, and whole in the
    file ``hyperparameters.json``, which has every hyperparameter with its origin and its changes.
    Parameters never change in MLflow: a later value is a tag ``changed/ADDRESS``, and where it is a
    number, a metric of that name, too.

    Metrics are ``step/KEY`` and ``epoch/KEY``, the latter by epoch. Of measured parameters there
    are ``parameter/ADDRESS/norm`` and ``…/update_ratio``.

    A run that is told again, or further, is the same run in MLflow; nothing is in it twice.

    Args:
        tracking_uri: The server or database; None for what MLflow is set to
            (``MLFLOW_TRACKING_URI``).
        experiment: The experiment's name, made if it is not there; None for what MLflow is set to
            (``MLFLOW_EXPERIMENT_NAME``), else its default one.

    Raises:
        FrameworkMissing: The package ``mlflow`` is not installed.

    Example:
        >>> pm.Recorder(sinks=["mlflow:http://localhost:5000"])          # doctest: +SKIP
        >>> pm.Recorder(sinks=[pm.MLflow(experiment="digits")])          # doctest: +SKIP
    """

    def __init__(self, tracking_uri: str | None = None, *, experiment: str | None = None) -> None:
        require("mlflow", "MLflow")
        self._uri = tracking_uri
        self._experiment = experiment
        shown = None if tracking_uri is None else _without_password(tracking_uri)
        self.name = "mlflow" if shown is None else f"mlflow:{shown}"
        self.location = shown or "MLflow"
        self._run: Run | None = None
        self._params: set[str] = set()

    def start(self, run: Run) -> Cursor | None:
        """Make a run of MLflow's, or find the one that was made for this run."""
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=self._uri)
        experiment = self._experiment_id()
        found = self._client.search_runs(
            [experiment], filter_string=f"tags.`{_RUN}` = '{identity(run)}'", max_results=1
        )
        made = found[0] if found else self._made(run, experiment)
        self._run, self._id = run, made.info.run_id
        self._params = set(made.data.params)
        self.location = self._address_of(experiment)
        cursor = made.data.tags.get(_CURSOR)
        return None if cursor is None else json.loads(cursor)

    def _experiment_id(self) -> str:
        chosen = os.environ.get("MLFLOW_EXPERIMENT_ID")
        if self._experiment is None and chosen:
            return chosen
        name = self._experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "Default"
        known = self._client.get_experiment_by_name(name)
        found = self._client.create_experiment(name) if known is None else known.experiment_id
        return str(found)

    def _made(self, run: Run, experiment: str) -> Any:
        tags = {_RUN: identity(run)}
        if run.script is not None:
            tags |= {"mlflow.source.name": text(run.script), "mlflow.source.type": "LOCAL"}
        return self._client.create_run(
            experiment, start_time=_milliseconds(run.started), tags=tags, run_name=text(run.name)
        )

    def _address_of(self, experiment: str) -> str:
        from mlflow import get_tracking_uri

        uri = _without_password(self._uri or get_tracking_uri())
        if uri.startswith(("http://", "https://")):
            return f"{uri.rstrip('/')}/#/experiments/{experiment}/runs/{self._id}"
        return f"run {self._id} in {uri}"

    def deliver(self, facts: Sequence[Fact], cursor: Cursor) -> None:
        """Log facts; what is logged twice, with the same times, is there once."""
        from mlflow.entities import Metric

        if any(isinstance(fact, (Snapshot, Changed)) for fact in facts):
            self._log_hyperparameters()
        metrics = [
            Metric(_key(told.tag), told.value, _milliseconds(told.when), told.step)
            for fact in facts
            for told in scalars(fact)
        ]
        for batch in _batches(metrics, _MOST_METRICS, lambda metric: len(metric.key)):
            self._client.log_batch(self._id, metrics=batch)
        tags = {remark.tag: remark.text for fact in facts for remark in remarks(fact)}
        self._log_tags({**tags, _CURSOR: json.dumps(cursor)})

    def finish(self) -> None:
        """Log the file with all hyperparameters, and how the run ended."""
        run = self._started()
        self._log_hyperparameters()
        self._client.log_text(self._id, hyperparameters_text(run), HYPERPARAMETERS_FILE)
        if run.status != "running":
            self._client.set_terminated(
                self._id,
                status=_STATUSES.get(run.status, "KILLED"),
                end_time=_milliseconds(run.ended or run.written),
            )

    def _log_hyperparameters(self) -> None:
        """Log those that are new as parameters, and those that have another value now as tags."""
        run = self._started()
        first = {_key(address): text(value) for address, value in first_values(run).items()}
        self._log_params({key: value for key, value in first.items() if key not in self._params})
        changed = changed_values(run).items()
        tags = {f"changed/{address}": text(value) for address, value in changed}
        if _COMMIT in run.hyperparameters:
            tags["mlflow.source.git.commit"] = text(run.hyperparameters[_COMMIT].value)
        self._log_tags(tags)

    def _log_params(self, params: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        made = [Param(key, _cut(value, _LONGEST_PARAM)) for key, value in params.items()]
        for batch in _batches(made, _MOST_PARAMS_OR_TAGS, lambda param: len(param.value)):
            self._client.log_batch(self._id, params=batch)
            self._params |= {param.key for param in batch}

    def _log_tags(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        made = [RunTag(_key(key), _cut(value, _LONGEST_TAG)) for key, value in tags.items()]
        for batch in _batches(made, _MOST_PARAMS_OR_TAGS, lambda tag: len(tag.value)):
            self._client.log_batch(self._id, tags=batch)

    def _started(self) -> Run:
        assert self._run is not None, "start comes first"
        return self._run


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _batches(items: Iterable[T], most: int, length: Callable[[T], int]) -> Iterator[list[T]]:
    """The items in lists of at most so many, and of at most so many characters."""
    batch: list[T] = []
    characters = 0
    for item in items:
        if batch and (len(batch) == most or characters + length(item) > _MOST_CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(item)
        characters += length(item)
    if batch:
        yield batch


def _cut(value: str, longest: int) -> str:
    return value if len(value) <= longest else value[: longest - len(_CUT)] + _CUT


def _key(name: str) -> str:
    """The name itself where MLflow takes it for a key; else one like it, and no other name's."""
    allowed = not _NOT_IN_KEYS.search(name) and posixpath.normpath(name) == name
    if allowed and len(name) <= _LONGEST_KEY and not name.startswith(("/", "..")) and name != ".":
        return name
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    parts = (part if part.strip(".") else "_" for part in name.split("/"))
    plain = _NOT_IN_KEYS.sub("_", "/".join(parts))
    return f"{plain[: _LONGEST_KEY - len(mark) - 1]}-{mark}"


def _without_password(uri: str) -> str:
    """The address as it may be shown."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))
