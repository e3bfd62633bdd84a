"""What layers give for a sample, with the model left as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from parametry.frameworks.keras.dialect import dialect_of
from parametry.frameworks.keras.randomness import seeded
from parametry.frameworks.keras.store import VariableStore, to_numpy
from parametry.frameworks.keras.walk import walk

__all__ = ["outputs"]

Run: TypeAlias = Callable[[], dict[str, NDArray[Any]]]


@contextmanager
def outputs(model: Any, layers: Iterable[str], sample: Any) -> Iterator[Run]:
    """A function that runs the model on a sample, in inference mode, and tells what layers give.

    A layer's output is taken before its activation. State (moving statistics, seeds) and all random
    generators are put back when the block ends.

    Args:
        model: A built Keras model or layer.
        layers: The addresses of layers.
        sample: A batch of input, as the model is called with.

    Yields:
        Runs the model; gives the outputs by the layers' addresses, in the order of first calls.
        Several calls of one layer are told as one flat array.
    """
    tree = walk(model, dialect_of(model))
    by_address = {node.address: node.native for node in tree.nodes.values()}
    state = [
        (store, store.read())
        for found in tree.variables.values()
        if found.role == "state"
        for store in (VariableStore(found.native, found.owner.native, found.addresses[0]),)
    ]
    seen: dict[str, list[NDArray[Any]]] = {}

    def run() -> dict[str, NDArray[Any]]:
        seen.clear()
        model(sample, training=False)
        return {
            layer: values[0] if len(values) == 1 else np.concatenate([v.ravel() for v in values])
            for layer, values in seen.items()
        }

    with seeded(0), ExitStack() as stack:
        for address in layers:
            stack.enter_context(_watched(by_address[address], seen, address))
        try:
            yield run
        finally:
            for store, values in state:
                store.write(values)


@contextmanager
def _watched(layer: Any, seen: dict[str, list[NDArray[Any]]], address: str) -> Iterator[None]:
    """Note what a layer gives before its activation, or gives at all where it has none."""
    stored = layer.__dict__
    name = "activation" if callable(stored.get("activation")) else "call"
    before = stored.get(name)
    function = getattr(layer, name)

    def noting(*args: Any, **kwargs: Any) -> Any:
        if name == "activation":
            seen.setdefault(address, []).append(to_numpy(args[0]))
            return function(*args, **kwargs)
        out = function(*args, **kwargs)
        seen.setdefault(address, []).append(to_numpy(out))
        return out

    # Past Keras's own attribute tracking, which would take note of the change.
    stored[name] = noting
    try:
        yield
    finally:
        if before is None:
            del stored[name]
        else:
            stored[name] = before
