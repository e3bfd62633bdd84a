"""Giving an optimizer that is in use other variables to train, with all else as it was."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping
from typing import Any

from parametry.frameworks.keras.edits import Edits
from parametry.frameworks.keras.store import VariableStore

__all__ = ["retrain"]

_LISTS = ("_variables", "_trainable_variables")
_OF_TENSORFLOW = "_self_"  # how the names begin of what TensorFlow notes for checkpoints


def retrain(
    optimizer: Any, variables: list[Any], edits: Edits, successors: Mapping[int, Any]
) -> None:
    """Let a built optimizer train these variables from now on.

    Its own ``build`` makes the slots, as Keras would for a new optimizer. Then every slot of a
    variable that it trained already is put back, so are its step and its rate: the same objects.
    The slots of a variable that is new to it are as its ``build`` makes them, which is zero for
    most. A running average of a variable's values (``use_ema``) begins at its value.

    Args:
        optimizer: A ``keras.optimizers.Optimizer``, possibly one that wraps others.
        variables: What it trains, in the model's order.
        edits: Notes what is changed.
        successors: By the identity of a variable the one that takes its place, or comes beside it.
    """
    former = [_Former(each) for each in _with_inner(optimizer)]
    for each in former:
        for name, value in each.attributes.items():
            edits.put(each.optimizer.__dict__, name, value)
    for each in former:
        each.clear()
    with _scope(optimizer), _same_inner_optimizers(optimizer):
        optimizer.build(variables)
    for each in former:
        each.restore()
        each.exclude(successors)


def _with_inner(optimizer: Any) -> list[Any]:
    """An optimizer with those that it wraps: a loss scale's one, or several."""
    stored = optimizer.__dict__
    inner = stored.get("inner_optimizer")
    return [optimizer, *([] if inner is None else [inner]), *stored.get("_inner_optimizers", ())]


@contextlib.contextmanager
def _scope(optimizer: Any) -> Iterator[None]:
    """On TensorFlow, variables belong to the strategy that the optimizer was made in."""
    strategy = optimizer.__dict__.get("_distribution_strategy")
    with contextlib.nullcontext() if strategy is None else strategy.scope():
        yield


@contextlib.contextmanager
def _same_inner_optimizers(optimizer: Any) -> Iterator[None]:
    """Each variable stays with the inner optimizer it had: a user's choice may make a new one."""
    stored = optimizer.__dict__
    choose = stored.get("_optimizer_map")
    if choose is None:
        yield
        return
    inner = list(stored["_inner_optimizers"])
    numbers = dict(stored["_var_to_optimizer_idx"])

    def choice(variable: Any) -> Any:
        number = numbers.get(optimizer._var_key(variable))
        return choose(variable) if number is None else inner[number]

    stored["_optimizer_map"] = choice
    try:
        yield
    finally:
        stored["_optimizer_map"] = choose


class _Former:
    """What an optimizer was before: taken out of it for its ``build``, and put back after."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self.attributes = dict(optimizer.__dict__)
        self._variables = list(self.attributes["_variables"])
        self._trained = list(self.attributes["_trainable_variables"])
        own = {id(variable) for variable in self._variables}
        self._slots = {
            name: value
            for name, value in self.attributes.items()
            if name not in _LISTS
            and not name.startswith(_OF_TENSORFLOW)
            and any(id(item) in own for item in _items(value))
        }

    def clear(self) -> None:
        """Make the optimizer one that was never built."""
        stored = self.optimizer.__dict__
        stored["built"] = False
        stored["_variables"] = []
        stored["_trainable_variables"] = []
        stored["_trainable_variables_indices"] = {}
        stored.pop("_exclude_from_weight_decay_cache", None)
        for name, value in self._slots.items():
            stored[name] = {} if isinstance(value, dict) else []
        tracker = copy.copy(stored["_tracker"])
        ((store, (test, _)),) = tracker.config.items()
        tracker.config = {store: (test, stored["_variables"])}
        tracker.stored_ids = {store: set()}
        tracker.locked = False
        stored["_tracker"] = tracker

    def restore(self) -> None:
        """Put back every variable that the optimizer still has a use for."""
        stored = self.optimizer.__dict__
        made = list(stored["_variables"])
        back = {id(new): old for new, old in self._replaced(stored)}
        for name, value in list(stored.items()):
            if id(value) in back:
                setattr(self.optimizer, name, back[id(value)])
        for name in self._slots:
            value = stored[name]
            for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
                value[key] = back.get(id(item), item)
        slots = {id(item) for value in self._slots.values() for item in _items(value)}
        again = {id(variable) for variable in back.values()}
        kept = [
            variable
            for variable in self._variables
            if id(variable) not in slots and id(variable) not in again
        ]
        stored["_variables"][:] = kept + [back.get(id(variable), variable) for variable in made]
        (ids,) = stored["_tracker"].stored_ids.values()
        ids.clear()
        ids.update(map(id, stored["_variables"]))
        self._begin_averages(stored)

    def exclude(self, successors: Mapping[int, Any]) -> None:
        """What was excluded from weight decay stays so, and a variable's copy with it."""
        stored, key = self.optimizer.__dict__, self.optimizer._var_key
        excluded = set(stored.get("_exclude_from_weight_decay") or ())
        if not excluded:
            return
        known = {id(variable) for variable in self._trained}
        now = {id(variable) for variable in stored["_trainable_variables"]}
        for variable in self._trained:
            successor = successors.get(id(variable))
            if successor is None or key(variable) not in excluded:
                continue
            if id(successor) not in known:
                excluded.add(key(successor))
            if id(variable) not in now:
                # Another variable may come to have the same key.
                excluded.discard(key(variable))
        stored["_exclude_from_weight_decay"] = excluded

    def _replaced(self, stored: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
        """Each variable that ``build`` made, with the former one of the same meaning."""
        own = {id(variable) for variable in self._variables}
        for name, before in self.attributes.items():
            after = stored.get(name)
            if after is None or after is before:
                continue
            if name not in self._slots:
                pairs = [(after, before)]
            elif isinstance(before, dict):
                pairs = [(after[key], slot) for key, slot in before.items() if key in after]
            else:
                pairs = self._of_the_same(stored["_trainable_variables"], before, after)
            yield from ((new, old) for new, old in pairs if id(old) in own and new is not None)

    def _of_the_same(
        self, trained: list[Any], before: list[Any], after: list[Any]
    ) -> list[tuple[Any, Any]]:
        """The slots in two lists that belong to the same variable."""
        if len(before) != len(self._trained) or len(after) != len(trained):
            return []
        slots = {id(variable): slot for variable, slot in zip(self._trained, before, strict=True)}
        return [
            (new, slots[id(variable)])
            for variable, new in zip(trained, after, strict=True)
            if id(variable) in slots
        ]

    def _begin_averages(self, stored: dict[str, Any]) -> None:
        """Keras begins an average with the first step alone; later it would begin at zero."""
        averages = stored.get("_model_variables_moving_average")
        if not averages:
            return
        known = {id(variable) for variable in self._trained}
        for variable, average in zip(stored["_trainable_variables"], averages, strict=True):
            if average is not None and id(variable) not in known:
                values = VariableStore(variable, None, variable.path).read()
                VariableStore(average, None, average.path).write(values)


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
