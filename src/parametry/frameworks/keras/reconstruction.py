"""A Keras model made anew from its configuration, with the layers shared that were.

Keras's own reading of a configuration makes a layer anew in each place where one is named, and
finds the tensors of a graph by counting how often a layer was called, whoever called it. So a layer
that two models share comes back as two, or as a broken graph. Where the manifest says which layers
are one (`Manifest.structure`), the Sequential and Functional models are put together here, as Keras
does, with each layer made once and each call's tensors kept by the call. All else is Keras's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from parametry.errors import FormatError, ParametryError
from parametry.frameworks.keras.safe_config import callers_names, checked

__all__ = ["compile_model", "load_model"]

# A model may hold more than a file of its weights: the states of random generators, the factors
# that a quantized or low-rank layer works with.
_ALLOWANCE = 2
_LEAST_ALLOWANCE = 16 << 20


def load_model(
    config: Mapping[str, Any],
    *,
    structure: Mapping[str, Any],
    custom_objects: Mapping[str, Any],
    path: str,
    nbytes: int,
) -> Any:
    """A new model from the configuration in a file, not compiled, with its values still initial.

    Args:
        config: What the file has, as plain data; not trusted.
        structure: Which layers are one, as `parametry.frameworks.keras.archive.structure` tells.
        custom_objects: The caller's own classes and functions that it may name.
        path: The file, for messages.
        nbytes: How many bytes the file's arrays have: no model much larger is made.

    Raises:
        FormatError: The configuration names what is not allowed, cannot be built, or asks for more
            memory than the file's arrays explain.
    """
    import keras

    safe = checked(config, custom_objects, path)
    _drop(safe, "compile_config")
    make = _maker(structure, path)
    with _as_format_error(path), keras.saving.custom_object_scope(callers_names(custom_objects)):
        if safe.custom:
            return make(safe)  # a user's code may make variables of values, which must be held
        if _has_state_of_sequences(safe):
            # Its state is made of values. What it would take is found out without it.
            plain = copy.deepcopy(safe)
            _drop(plain, "stateful")
            with _within(nbytes, path, keep=False) as measure:
                measure(make(plain))
            return make(safe)
        with _within(nbytes, path, keep=True) as measure:
            model = make(safe)
            measure(model)
        return model


def compile_model(
    model: Any, config: Mapping[str, Any], *, custom_objects: Mapping[str, Any], path: str
) -> None:
    """Compile a model as its configuration says: optimizer, loss, metrics.

    Args:
        model: What `load_model` gave; it has nothing to compile with where the file has nothing.
        config: What the file has, as for `load_model`.
        custom_objects: Likewise.
        path: The file, for messages.

    Raises:
        FormatError: The configuration names what is not allowed.
    """
    import keras

    safe = checked(config, custom_objects, path)
    chosen = safe.get("compile_config")
    if not chosen or not hasattr(model, "compile_from_config"):
        return
    with _as_format_error(path), keras.saving.custom_object_scope(callers_names(custom_objects)):
        model.compile_from_config(chosen)
        model.compiled = True


@contextmanager
def _as_format_error(path: str) -> Iterator[None]:
    """What Keras raises at a configuration that it cannot read, as an error that names the file."""
    try:
        yield
    except (ParametryError, MemoryError):
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise FormatError(
            f"Keras cannot make the model that its configuration tells: {told[:2000]}",
            path=path,
            hint="a class of your own needs a get_config that returns its constructor's arguments; "
            "or build the model in code and parametry.load its values",
        ) from error


@contextmanager
def _within(nbytes: int, path: str, *, keep: bool) -> Iterator[Callable[[Any], None]]:
    """Make variables without their arrays, which are made at the end if they are not too large."""
    import keras
    from keras.src.backend.common import global_state

    def measure(model: Any) -> None:
        needed = sum(_nbytes(variable) for variable in model.variables)
        if needed > nbytes * _ALLOWANCE + _LEAST_ALLOWANCE:
            raise FormatError(
                f"its configuration tells of a model of {needed:,} bytes, its arrays have "
                f"{nbytes:,}",
                path=path,
                address="config.json",
            )

    with keras.StatelessScope():
        name = "uninitialized_variables"
        waiting = list(global_state.get_global_attribute(name, []) or ())
        done = False
        try:
            yield measure
            done = keep
        finally:
            if not done:  # at the scope's end Keras makes the arrays of all that are noted here
                global_state.set_global_attribute(name, waiting)


def _nbytes(variable: Any) -> int:
    from parametry.core.dtype import bits

    count = 1
    for size in variable.shape:
        count *= size
    return count * bits(str(variable.dtype)) // 8


def _nested(value: Any) -> Iterator[dict[str, Any]]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def _drop(config: Any, key: str) -> None:
    for found in _nested(config):
        found.pop(key, None)


def _has_state_of_sequences(config: Any) -> bool:
    return any(found.get("stateful") for found in _nested(config))


def _maker(structure: Mapping[str, Any], path: str) -> Callable[[Any], Any]:
    def make(config: Any) -> Any:
        from keras.src.saving.serialization_lib import ObjectSharingScope

        with ObjectSharingScope():
            return _Builder(structure, path).make(config, "")

    return make


class _NotYet(Exception):
    """A tensor that a call needs is not there yet: another layer is to be called first."""


class _Builder:
    """Makes each layer once, in whichever models it stands."""

    def __init__(self, structure: Mapping[str, Any], path: str) -> None:
        self._structure = structure
        self._path = path
        self._made: dict[str, Any] = {}

    def make(self, config: Any, address: str | None) -> Any:
        """The object that an entry tells of; the one that is there where its address is known."""
        if address is not None and address in self._made:
            return self._made[address]
        listed = None if address is None else self._listed(address)
        kind = config.get("class_name") if isinstance(config, dict) else None
        made: Any
        if listed is not None and kind == "Sequential" and config.get("module") == "keras":
            made = self._sequential(config["config"], listed)
        elif listed is not None and kind == "Functional":
            made = self._functional(config["config"], listed)
        else:
            made = self._by_keras(config)
        if address is not None:
            self._made[address] = made
        return made

    def _by_keras(self, config: Any) -> Any:
        import keras

        # It may change what it is given, and the next place may name the same entry.
        return keras.saving.deserialize_keras_object(copy.deepcopy(config))

    def _listed(self, address: str) -> list[str | None] | None:
        found = self._structure.get(address)
        if found is None:
            return None
        listed: Any = found.get("layers") if isinstance(found, dict) else None
        if not isinstance(listed, list) or not all(isinstance(x, str | None) for x in listed):
            self._fault(f"the structure at {address!r} is no list of layers")
        return list(listed)

    def _fault(self, message: str) -> NoReturn:
        raise FormatError(f"the manifest: {message}", path=self._path)

    def _paired(self, entries: Any, listed: list[str | None]) -> list[tuple[Any, str | None]]:
        """Each entry of a configuration with the address of its layer."""
        if not isinstance(entries, list) or len(entries) != len(listed):
            self._fault("its structure and the configuration differ in their number of layers")
        return list(zip(entries, listed, strict=True))

    def _sequential(self, config: dict[str, Any], listed: list[str | None]) -> Any:
        import keras

        once = list(dict.fromkeys(listed))
        layers = {
            address: self.make(entry, address)
            for entry, address in self._paired(config["layers"], once)
        }
        model = keras.Sequential([layers[address] for address in listed], name=config["name"])
        shape = config.get("build_input_shape")
        if shape and not model.built:
            model.build(shape)
        return model

    def _functional(self, config: dict[str, Any], listed: list[str | None]) -> Any:
        import keras
        from keras.src.models.functional import Functional

        paired = self._paired(config["layers"], listed)
        operations = {entry["name"]: self.make(entry, address) for entry, address in paired}
        tensors: dict[tuple[str, int], list[Any]] = {}
        calls: dict[str, list[Any]] = {}
        for entry, _ in paired:
            name, operation = entry["name"], operations[entry["name"]]
            calls[name] = list(entry["inbound_nodes"])
            if isinstance(operation, keras.layers.InputLayer):
                tensors[name, 0] = [operation.output]
        while any(calls.values()):
            if not sum(self._call(name, operations, calls, tensors) for name in calls):
                raise ValueError("the graph has a loop, or a layer that is not there")
        return Functional(
            inputs=_tensors(config["input_layers"], tensors, operations),
            outputs=_tensors(config["output_layers"], tensors, operations),
            name=config["name"],
            trainable=config.get("trainable", True),
        )

    def _call(
        self,
        name: str,
        operations: Mapping[str, Any],
        calls: Mapping[str, list[Any]],
        tensors: dict[tuple[str, int], list[Any]],
    ) -> int:
        """Call a layer as often as its inputs are there; how often that was."""
        import keras

        operation, waiting, done = operations[name], calls[name], 0
        while waiting:
            try:
                args = self._revived(waiting[0]["args"], tensors)
                kwargs = self._revived(waiting[0]["kwargs"], tensors)
            except _NotYet:
                break
            number = sum(known == name for known, _ in tensors)
            tensors[name, number] = keras.tree.flatten(operation(*args, **kwargs))
            waiting.pop(0)
            done += 1
        return done

    def _revived(self, value: Any, tensors: Mapping[tuple[str, int], list[Any]]) -> Any:
        """An argument of a call, with the tensors in the place of their names."""
        if isinstance(value, list):
            return [self._revived(item, tensors) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get("class_name") == "__keras_tensor__":
            return _tensor(value["config"]["keras_history"], tensors)
        if "class_name" in value:
            return self._by_keras(value)
        return {key: self._revived(item, tensors) for key, item in value.items()}


def _tensor(history: Any, tensors: Mapping[tuple[str, int], list[Any]]) -> Any:
    name, call, index = history
    found = tensors.get((name, call))
    if found is None:
        raise _NotYet
    return found[index]


def _tensors(
    names: Any, tensors: Mapping[tuple[str, int], list[Any]], operations: Mapping[str, Any]
) -> Any:
    """The tensors in the nesting that names of them are in."""
    from keras.src.models.functional import Functional

    if isinstance(names, list) and len(names) == 3 and isinstance(names[0], str):
        name, call, index = names
        # Here, and not in the arguments of calls, Keras counts a Functional model's making as one.
        return _tensor([name, call - isinstance(operations[name], Functional), index], tensors)
    if isinstance(names, dict):
        return {key: _tensors(item, tensors, operations) for key, item in names.items()}
    return [_tensors(item, tensors, operations) for item in names]
