"""All hyperparameters of a Keras model: its own, its layers', its optimizer's, its training's."""

from __future__ import annotations

from typing import Any

from parametry.core.address import join
from parametry.core.coverage import Gap
from parametry.core.described import Described, Flattener, Row, merge
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.ledger import Event, Record, ledger
from parametry.core.value import UNSET
from parametry.core.watch import watch
from parametry.frameworks.keras.describe import (
    Describer,
    arguments_of,
    constructed,
    keras_class_name,
    label_of,
)
from parametry.frameworks.keras.dialect import is_of_keras
from parametry.frameworks.keras.environment import environment
from parametry.frameworks.keras.optimizer import (
    last_known,
    optimizer_hyperparameters,
    optimizer_step,
)
from parametry.frameworks.keras.training import (
    compile_hyperparameters,
    fitted_hyperparameters,
)
from parametry.frameworks.keras.walk import Node, Tree, name_of, own_attribute

__all__ = ["ModelHyperparameters"]


class ModelHyperparameters:
    """Works out a model's hyperparameters when asked, and what it could not see of them.

    Args:
        model: The model; not changed.
        tree: Its structure, as walked.
        optimizers: What trains it; several where it has a compile of its own, as of a GAN.
    """

    def __init__(self, model: Any, tree: Tree, optimizers: list[Any]) -> None:
        self._model = model
        self._tree = tree
        self._optimizers = optimizers
        self._gaps: list[Gap] | None = None

    def collect(self) -> dict[str, Hyperparameter]:
        """The hyperparameters by address; the model's own first."""
        layers = [node for node in self._tree.nodes.values() if node.is_layer]
        references = {id(node.native): node.address or "model" for node in layers}
        for optimizer in self._optimizers:
            references[id(optimizer)] = label_of(type(optimizer).__name__)
        describer = Describer(references)
        out: dict[str, Hyperparameter] = {}
        unseen: list[Node] = []
        for node in layers:
            self._add_layer(node, describer, out, unseen)
        for number, optimizer in enumerate(self._optimizers):
            scope = f"optimizer_{number}" if number else "optimizer"
            out.update(optimizer_hyperparameters(optimizer, describer, scope))
        record = ledger.find(self._model)
        if not self._optimizers and record is not None and record.snapshot is not None:
            out.update(last_known(record, record.snapshot[1].hyperparameters))
        out.update(self._training(record, describer))
        variables = [found.native for found in self._tree.variables.values()]
        out.update(environment(self._model, variables, self._tree.dialect.package))
        self._gaps = [*describer.gaps, *self._unseen(unseen, record)]
        return out

    def gaps(self) -> list[Gap]:
        """What could not be seen, and why."""
        if self._gaps is None:
            self.collect()
        return self._gaps or []

    def _add_layer(
        self, node: Node, describer: Describer, out: dict[str, Hyperparameter], unseen: list[Node]
    ) -> None:
        layer = node.native
        address = join("model", node.address)
        name = keras_class_name(type(layer))
        effective = Flattener(describer)
        kept = describer.kept(layer)
        for always, value in (
            ("name", name_of(layer)),
            ("trainable", own_attribute(layer, "trainable", True)),
        ):
            kept.setdefault(always, value)
        effective.add(address, Described(name, UNSET, kept))
        record = ledger.find(layer)
        passed: dict[str, Row] | None = None
        call = None if record is None else constructed(record.construction, layer)
        if call is not None:
            seen = Flattener(describer)
            seen.add(address, call)
            passed = seen.rows
        else:
            unseen.append(node)
        for known, entry in merge(effective.rows, passed).items():
            # A sublayer's own values come later and have the word where an address is met twice.
            out[known] = entry

    def _training(self, record: Record | None, describer: Describer) -> dict[str, Hyperparameter]:
        """The latest of each kind of phase; what the model itself keeps where none was seen."""
        out: dict[str, Hyperparameter] = {}
        events: list[Event] = [] if record is None else record.events
        kinds = {event.kind: event for event in events}
        if "compile" not in kinds:
            out.update(compile_hyperparameters(self._model, describer))
        if "fit" not in kinds and "train" not in kinds:
            out.update(fitted_hyperparameters(self._model))
        for kind in ("compile", "freeze", "load", "train", "fit"):
            if kind in kinds:
                out.update(
                    (address, entry)
                    for address, entry in kinds[kind].values.items()
                    if not address.startswith("optimizer")  # told as it is now, not as it was then
                )
        return out

    def _unseen(self, unseen: list[Node], record: Record | None) -> list[Gap]:
        gaps = [] if record is None else list(record.gaps)
        for optimizer in self._optimizers:
            noted = ledger.find(optimizer)
            gaps += [] if noted is None else [gap for gap in noted.gaps if gap not in gaps]
        gaps += self._unseen_steps(record)
        if not unseen:
            return gaps
        if not watch.on and len(ledger) == 0:
            reason = (
                "capture was off: who passed what, where, and what fit was given is unknown; "
                "import parametry.auto before the model is made, or use parametry run"
            )
            gaps.insert(0, Gap("model/", reason))
        else:
            gaps += [
                Gap(
                    join("model", node.address),
                    "made before capture was on: explicit and default cannot be told apart",
                )
                for node in unseen[:20]
            ]
            if len(unseen) > 20:
                gaps.append(Gap("model/", f"so were {len(unseen) - 20} more layers"))
        for node in unseen:
            gaps += self._not_kept(node)
        return gaps

    def _unseen_steps(self, record: Record | None) -> list[Gap]:
        """Steps that were taken although capture saw no training begin."""
        events = [] if record is None else record.events
        if not watch.on or any(event.kind in ("fit", "train") for event in events):
            return []
        steps = optimizer_step(self._optimizers[0]) if self._optimizers else None
        if not steps:
            return []
        reason = (
            f"the optimizer has taken {steps} steps that capture did not see begin: before it was "
            "on, or in a function that was compiled before"
        )
        return [Gap("fit/", reason)]

    def _not_kept(self, node: Node) -> list[Gap]:
        """The arguments of a user's class that nothing keeps."""
        cls = type(node.native)
        if is_of_keras(cls):
            return []
        kept = Describer().kept(node.native)
        missing = [name for name in arguments_of(cls) if name not in kept]
        if not missing:
            return []
        names = ", ".join(missing)
        reason = f"{cls.__name__} keeps nothing of its arguments {names}, and capture saw no call"
        return [Gap(join("model", node.address), reason)]
