"""Weights & Biases: a run's hyperparameters as its config, its metrics as its history."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from parametry.core.address import split
from parametry.core.facts import Changed, Fact, Measured, Points, Snapshot
from parametry.core.value import Plain, to_json_value
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

__all__ = ["WandB"]

Mode: TypeAlias = Literal["offline", "online", "disabled"]

OWN_VALUE: Final = "$value"
"""The key in the nested config for the value of an address that holds a subtree, too."""


class WandB:
    """Tells a run to Weights & Biases; offline, unless asked otherwise.

    Hyperparameters are the config, nested by address, with the values that training began with; an
    address that holds a value and a subtree has its value under ``$value``. NaN and the infinities
    are tagged dicts, as in parametry's JSON. The file ``hyperparameters.json`` has their origins
    and changes. Metrics are ``step/KEY``, drawn over ``step``, and ``epoch/KEY``, over ``epoch``.
    Measured parameters are histograms ``parameter/ADDRESS``, made of their sketches, with
    ``…/norm`` and ``…/update_ratio``. What changed is ``changed/ADDRESS``.

    A run of parametry's has one id in Weights & Biases, and the rows of its history have one number
    each, however often it is told. A run of the program's own in ``wandb.run`` is left alone.

    Args:
        project: The project; None for what W&B is set to (``WANDB_PROJECT``).
        mode: ``offline`` writes a folder for ``wandb sync``; ``online`` sends at once and needs a
            login. None for what W&B is set to (``WANDB_MODE``), else ``offline``.
        folder: The folder in which W&B makes its folder ``wandb``; None for what it is set to
            (``WANDB_DIR``), else the working directory.

    Raises:
        FrameworkMissing: The package ``wandb`` is not installed.

    Example:
        >>> pm.Recorder(sinks=["wandb:digits"])                          # doctest: +SKIP
        >>> pm.Recorder(sinks=[pm.WandB("digits", mode="online")])       # doctest: +SKIP
    """

    def __init__(
        self,
        project: str | None = None,
        *,
        mode: Mode | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        require("wandb", "Weights & Biases")
        self._project = project
        # What is no mode at all, W&B itself refuses.
        self._mode = mode or cast(Mode, os.environ.get("WANDB_MODE") or "offline")
        self._folder = Path(folder or os.environ.get("WANDB_DIR") or ".").absolute()
        self.name = f"wandb:{project}" if project else "wandb"
        self.location = str(self._folder / "wandb")
        self._run: Run | None = None
        self._facts = 0
        self._rows_done = 0

    def start(self, run: Run) -> Cursor | None:
        """Make a run of W&B's.

        Returns:
            None: rows that W&B has already, by their numbers, are not taken twice.
        """
        import wandb

        told = wandb.init(
            project=self._project or os.environ.get("WANDB_PROJECT"),
            id=identity(run),
            name=text(run.name),
            dir=self._folder,
            mode=self._mode,
            resume="allow" if self._mode == "online" else None,
            reinit="create_new",
            settings=wandb.Settings(
                # It would take over the program's output, look at its code, and measure the host.
                console="off",
                silent=True,
                disable_code=True,
                disable_git=True,
                x_disable_stats=True,
                x_save_requirements=False,
            ),
        )
        told.define_metric("step")
        told.define_metric("epoch")
        told.define_metric("*", step_metric="step")
        told.define_metric("epoch/*", step_metric="epoch")
        self._run, self._told = run, told
        self._facts = self._rows_done = 0
        self.location = str(Path(told.dir).parent) if self._mode == "offline" else str(told.url)
        return None

    def deliver(self, facts: Sequence[Fact], cursor: Cursor) -> None:
        """Log facts: those of one moment as one row, numbered by the first of them."""
        if any(isinstance(fact, (Snapshot, Changed)) for fact in facts):
            self._update_config()
        # After an error the same facts come again: rows that were logged are left out.
        rows = list(_rows(facts, self._facts))
        for number, row in rows[self._rows_done :]:
            self._told.log(row, step=number, commit=True)
            self._rows_done += 1
        texts = {remark.tag: remark.text for fact in facts for remark in remarks(fact)}
        self._told.summary.update(texts)
        self._facts += len(facts)
        self._rows_done = 0

    def finish(self) -> None:
        """Save the file with all hyperparameters, and end W&B's run as this one ended."""
        run = self._started()
        self._update_config()
        folder = Path(self._told.dir)
        (folder / HYPERPARAMETERS_FILE).write_text(hyperparameters_text(run), encoding="utf-8")
        self._told.save(str(folder / HYPERPARAMETERS_FILE), base_path=str(folder), policy="now")
        self._told.finish(exit_code=0 if run.status in ("finished", "running") else 1)

    def _update_config(self) -> None:
        run = self._started()
        self._told.config.update(nested(first_values(run)), allow_val_change=True)
        changed = changed_values(run).items()
        self._told.summary.update({f"changed/{a}": _sendable(value) for a, value in changed})

    def _started(self) -> Run:
        assert self._run is not None, "start comes first"
        return self._run


def nested(values: Mapping[str, Plain]) -> dict[str, Any]:
    """Values by address as dicts in dicts, JSON-ready.

    Example:
        >>> nested({"optimizer": "adam", "optimizer/beta_1": 0.9, "fit/epochs": 3})
        {'optimizer': {'$value': 'adam', 'beta_1': 0.9}, 'fit': {'epochs': 3}}
    """
    root: dict[str, Any] = {}
    parents = {address[:end] for address in values for end in _slashes(address)}
    for address, value in values.items():
        *folders, last = split(address)
        inside = root
        for folder in folders:
            inside = inside.setdefault(folder, {})
        if address in parents:
            inside.setdefault(last, {})[OWN_VALUE] = _sendable(value)
        else:
            inside[last] = _sendable(value)
    return root


def _sendable(value: Plain) -> Any:
    """A value as JSON that W&B can send: no half characters in its texts."""

    def cleaned(item: Any) -> Any:
        if isinstance(item, dict):
            return {text(key): cleaned(inner) for key, inner in item.items()}
        if isinstance(item, list):
            return [cleaned(inner) for inner in item]
        return text(item) if isinstance(item, str) else item

    return cleaned(to_json_value(value))


def _slashes(address: str) -> Iterator[int]:
    return (index for index, character in enumerate(address) if character == "/")


def _rows(facts: Iterable[Fact], first: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of the history, each with its number: how many facts came before it."""
    row: dict[str, Any] = {}
    number, moment = first, None
    for index, fact in enumerate(facts, first):
        columns = _columns(fact)
        if not columns:
            continue
        this = (type(fact), columns["step"], columns["_timestamp"])
        if this != moment and row:
            yield number, row
            row = {}
        if not row:
            number, moment = index, this
        row |= columns
    if row:
        yield number, row


def _columns(fact: Fact) -> dict[str, Any]:
    columns: dict[str, Any] = {told.tag: told.value for told in scalars(fact)}
    if isinstance(fact, Measured) and fact.statistics.sketch is not None:
        import wandb

        sketch = fact.statistics.sketch
        columns[f"{fact.of}/{fact.statistics.address}"] = wandb.Histogram(
            np_histogram=(list(sketch.counts), list(sketch.edges))
        )
    if not columns or not isinstance(fact, (Points, Measured, Changed)):
        return {}
    step = fact.change.step or 0 if isinstance(fact, Changed) else fact.step
    epoch = {} if fact.epoch is None else {"epoch": fact.epoch}
    return {"step": step, **epoch, "_timestamp": fact.when, **columns}
