"""Which part of a torch checkpoint is the model, and which the optimizer, by plain rules.

In this order, over the object that the pickle made:

1. A tensor is one parameter, under the file's own name. A pickled module is the model.
2. A dict with a list ``param_groups`` and a dict ``state`` is an optimizer's state dict: its
   tensors are ``optimizer_parameters``, its group's settings ``optimizer/lr``; with several groups
   ``optimizer/param_groups/0/lr``. A slot lies below its parameter where the file names that
   (``param_names``, or names as keys), else below its number: ``optimizer/state/0/exp_avg``. A
   second optimizer is ``optimizer_1``. A list or dict of optimizers is each of them.
3. Any other dict that holds a model under one of `MODEL_KEYS`, or an optimizer, or no tensor of its
   own, is a checkpoint. Its model is under the first of those keys that holds arrays, else the only
   entry that does; its addresses have no prefix. Further entries with arrays (a second network, an
   average of the weights) keep their key: ``ema/layers/0/weight``. A tensor of its own (the state
   of a random generator) is state under its key.
4. Any other dict is a state dict: keys are taken apart at their dots, containers within are opened.

All else becomes hyperparameters, by the key: Lightning's ``hyper_parameters`` is ``model/…``,
``datamodule_hyper_parameters`` is ``data/…``, ``callbacks`` is ``callbacks/…``, a scheduler is
``optimizer/lr_scheduler/…``, versions are ``environment/…``, a script's ``args`` are
``script/args/…``, and what counts the training (``epoch``, ``global_step``), with everything that
is not known, is ``fit/…``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from parametry.core.address import join, part
from parametry.core.coverage import Gap
from parametry.core.parameter import Role
from parametry.core.value import key_text
from parametry.formats.torch_modules import add_module, is_module
from parametry.formats.torch_parts import (
    Array,
    Parts,
    address_of_key,
    holds_array,
    role_of,
)
from parametry.formats.torch_plain_values import below
from parametry.formats.torch_values import Instance, NumpyArray, Tensor

__all__ = ["MODEL_KEYS", "parts_of"]

MODEL_KEYS: Final = (
    *("state_dict", "model_state_dict", "model", "module", "net", "network"),
    *("model_state", "weights", "params"),
)
"""Under which keys checkpoints keep their model, the first one first."""
_MERGED: Final = {
    "hyper_parameters": "model",
    "hparams": "model",
    "datamodule_hyper_parameters": "data",
    "callbacks": "callbacks",
}
_BELOW: Final = {
    **dict.fromkeys(("lr_schedulers", "lr_scheduler", "scheduler", "sched"), "optimizer"),
    **dict.fromkeys(("scheduler_state_dict", "lr_scheduler_state_dict"), "optimizer"),
    **dict.fromkeys(("args", "opt", "cfg", "config"), "script"),
}
_PLAIN: Final = frozenset({*_MERGED, *_BELOW, "loops", "amp", "scaler", "grad_scaler"})
_NO_ROLES: Final = (
    "a state dict does not tell what is trained: integers and what torch.nn calls its own buffers "
    "(running_mean, running_var, num_batches_tracked) are taken as state, all else as trainable"
)


def parts_of(root: Any, own_name: str) -> Parts:
    """What a torch file holds, from the object that its pickle made.

    Args:
        root: The object, as inert data.
        own_name: What a lone tensor is called.

    Raises:
        FormatError: Its containers lie within themselves or too deeply, or hold too much.
    """
    parts = Parts()
    root = _unwrapped(root)
    if type(root) in (Tensor, NumpyArray):
        parts.add(Array(own_name, part(own_name), root, role_of(own_name, root)))
    elif is_module(root):
        add_module(parts, root, "", "")
    elif _is_optimizer(root):
        _add_optimizer(parts, root, "optimizer")
    elif type(root) is dict and _is_checkpoint(root):
        _add_checkpoint(parts, root)
    elif type(root) in (dict, list, tuple):
        _add_state(parts, root, "")
    else:
        parts.put("fit", root)
    return parts


def _unwrapped(value: Any) -> Any:
    """The items of an object that is a dict, as Lightning's AttributeDict."""
    if type(value) is Instance and value.items and not is_module(value):
        return value.items
    return value


def _is_optimizer(value: Any) -> bool:
    return (
        type(value) is dict
        and type(value.get("state")) is dict
        and type(value.get("param_groups")) is list
        and all(type(group) is dict for group in value["param_groups"])
    )


def _optimizers(value: Any) -> list[dict[Any, Any]]:
    """The optimizers that a value is: itself, or each of a list or dict of them."""
    if _is_optimizer(value):
        return [value]
    inner = (
        list(value.values() if type(value) is dict else value)
        if (type(value) in (dict, list, tuple) and len(value) <= 100)
        else []
    )
    return inner if inner and all(map(_is_optimizer, inner)) else []


def _is_model(value: Any) -> bool:
    return is_module(value) or (type(value) is dict and holds_array(value))


def _is_checkpoint(root: Mapping[Any, Any]) -> bool:
    if any(key in root and _is_model(_unwrapped(root[key])) for key in MODEL_KEYS):
        return True
    if any(map(_optimizers, root.values())):
        return True
    return not any(type(item) in (Tensor, NumpyArray) for item in root.values())


def _add_checkpoint(parts: Parts, root: Mapping[Any, Any]) -> None:
    parts.enter("", 0, len(root))
    models: dict[Any, Any] = {}
    further: list[Array] = []
    number = 0
    for key, given in root.items():
        name, value = key_text(key) if _is_name(key) else "", _unwrapped(given)
        found = _optimizers(value)
        if found:
            for optimizer in found:
                _add_optimizer(parts, optimizer, f"optimizer_{number}" if number else "optimizer")
                number += 1
        elif name not in _PLAIN and _is_model(value):
            models[key] = value
        elif name not in _PLAIN and type(value) is Tensor and value.shape:
            further.append(Array(name, address_of_key(name), value, "state"))
        else:
            _add_values(parts, name, value)
    first = next((key for key in MODEL_KEYS if key in models), None)
    if first is None and len(models) == 1:
        first = next(iter(models))
    for key, value in sorted(models.items(), key=lambda pair: pair[0] != first):
        _add_model(parts, value, "" if key == first else part(key_text(key)))
    for array in further:
        parts.add(array)


def _is_name(key: Any) -> bool:
    return key is None or type(key) in (str, int, float, bool)


def _add_model(parts: Parts, value: Any, address: str) -> None:
    if is_module(value):
        add_module(parts, value, address, address)
    elif type(value) is dict and any(
        key in value and _is_model(value[key]) for key in MODEL_KEYS[:3]
    ):  # {"model": {"state_dict": ...}}
        inner = Parts(gaps=parts.gaps, _met=parts._met)
        _add_checkpoint(inner, value)
        for array in inner.arrays:
            at = join(address, array.address) if array.role != "optimizer" else array.address
            parts.add(Array(array.name, at, array.value, array.role, None))
        parts.put_all(inner.values)
    else:
        _add_state(parts, value, address)


def _add_state(parts: Parts, state: Any, address: str) -> None:
    """A state dict: its arrays by their keys, and what else stands between them."""
    unsaid = False
    for name, at, found in parts.leaves(state, "", address):
        if type(found) in (Tensor, NumpyArray):
            parts.add(Array(name, at, found, role_of(name, found)))
            unsaid = unsaid or not (type(found) is Tensor and found.parameter)
        elif type(found) is Instance and is_module(found):
            add_module(parts, found, at, name)
        elif at:
            parts.put(join("model", at), found)
    if unsaid and not any(gap.reason == _NO_ROLES for gap in parts.gaps):
        parts.gaps.append(Gap("model/", _NO_ROLES))


def _add_values(parts: Parts, name: str, value: Any) -> None:
    if name in _MERGED:
        if type(value) is dict:
            parts.put_all(below(_MERGED[name], value))
        else:
            parts.put(_MERGED[name], value)
    elif name in _BELOW:
        parts.put_all(_opened(join(_BELOW[name], part(name)), value))
    elif name.endswith("version"):
        parts.put(join("environment", part(name)), value)
    else:
        parts.put(join("fit", part(name)), value)


def _opened(address: str, value: Any) -> dict[str, Any]:
    """A dict's items one by one, of a list of dicts each one's."""
    if type(value) is dict:
        return below(address, value)
    if type(value) is list and value and all(type(item) is dict for item in value):
        many = len(value) > 1
        out: dict[str, Any] = {}
        for index, item in enumerate(value[:100]):
            out.update(below(f"{address}/{index}" if many else address, item))
        return out
    return {address: value}


def _add_optimizer(parts: Parts, optimizer: Mapping[Any, Any], scope: str) -> None:
    groups = optimizer["param_groups"]
    names: dict[Any, str] = {}
    for number, group in enumerate(groups):
        at = scope if len(groups) == 1 else f"{scope}/param_groups/{number}"
        settings = {key: item for key, item in group.items() if key not in _OF_PARAMETERS}
        parts.put_all(below(at, settings))
        members, named = (group.get(key) for key in _OF_PARAMETERS)
        if type(members) is list and type(named) is list and len(members) == len(named):
            pairs = zip(members, named, strict=True)
            names.update((key, name) for key, name in pairs if type(key) is int)
    role: Role = "optimizer"
    steps: dict[str, Any] = {}
    for key, address, name, value in _slots(parts, optimizer["state"], names, scope):
        if type(value) in (Tensor, NumpyArray):
            parts.add(Array(name, address, value, role, scope))
        elif value is not None:
            steps.setdefault(key, []).append((address, value))
    for key, found in steps.items():
        same = all(type(value) in (int, float) and value == found[0][1] for _, value in found)
        parts.put_all({join(scope, part(key)): found[0][1]} if same else dict(found))
    rest = {key: item for key, item in optimizer.items() if key not in ("state", "param_groups")}
    parts.put_all(below(scope, rest))


_OF_PARAMETERS: Final = ("params", "param_names")


def _slots(
    parts: Parts, state: Mapping[Any, Any], names: Mapping[Any, str], scope: str
) -> Iterator[tuple[str, str, str, Any]]:
    """Each slot: its own key, its address, torch's name of it, and the tensor or value."""
    for index, slots in state.items():
        if not _is_name(index):
            continue
        known = names.get(index) if type(index) is int else index
        if type(known) is str:
            at, name = join(scope, address_of_key(known)), known
        else:
            at, name = f"{scope}/state/{part(key_text(index))}", f"state.{key_text(index)}"
        if type(slots) is not dict:
            yield key_text(index), at, name, slots
            continue
        for key, slot in slots.items():
            if _is_name(key):
                own = key_text(key)
                for inner, address, found in parts.leaves(
                    slot, f"{name}.{own}", join(at, part(own))
                ):
                    yield own, address, inner, found
