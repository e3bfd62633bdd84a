"""Making several variables of built layers one, and one several again."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from parametry.core.address import join
from parametry.errors import TieError
from parametry.frameworks.keras.edits import Edits
from parametry.frameworks.keras.own_variables import save_what_is_seen
from parametry.frameworks.keras.places import Exchange, Place, places_of, put_variable
from parametry.frameworks.keras.rebuilding import rebuild, refresh_torch, standing_tree
from parametry.frameworks.keras.store import VariableStore
from parametry.frameworks.keras.transposed import array_of
from parametry.frameworks.keras.walk import Tree, Variable

__all__ = ["tie", "untie"]


def tie(model: Any, address: str, other: str, *, transpose: bool = False) -> None:
    """Make the array at one address the array at another too.

    The variable at ``address`` stays, with its values, its slots, its regularizer and constraint;
    the one at ``other``, and at all that was tied to it, goes. Compiled steps and a built optimizer
    follow.

    Args:
        model: A Keras model or layer, built.
        address: An address of the variable that stays.
        other: An address of the one that goes; of the same shape and dtype, or transposed.
        transpose: Whether ``other`` sees the array transposed.

    Raises:
        TieError: The two are one array already.
        NotSupported: The model is one of Keras 2.
        ValueUnavailable: Its values are out of reach, as between the batches of JAX's ``fit``.
    """
    tree = standing_tree(model, "tie")
    kept, gone = _at(tree, address), _at(tree, other)
    new, old = array_of(kept.native), array_of(gone.native)
    if new is old:
        raise TieError(f"{other} and {address} are one array already")
    flips = transpose ^ (address in kept.transposed) ^ (other in gone.transposed)
    exchange, edits = Exchange(old, new, flips), Edits()
    try:
        for node in tree.nodes.values():
            if node.is_layer:
                put_variable(node.native, exchange, edits)
                save_what_is_seen(node.native, edits)
        refresh_torch(tree)
        rebuild(model, tree, edits, {id(old): new})
    except BaseException:
        edits.undo()
        refresh_torch(tree)
        raise


def untie(model: Any, address: str) -> None:
    """Give the layer that has an address an array of its own again, with a copy of the values.

    The canonical address keeps the array, and the optimizer's slots with it. Asked for the
    canonical address itself, all others leave it together.

    Args:
        model: A Keras model or layer.
        address: An address of a tied variable. A layer that is itself at several addresses has one
            array at all of them.

    Raises:
        TieError: The address is tied to no other, or to those of its own layer alone.
        NotSupported: The model is one of Keras 2.
        ValueUnavailable: Its values are out of reach, as between the batches of JAX's ``fit``.
    """
    tree = standing_tree(model, "untie")
    found = _at(tree, address)
    seats = _seats(tree, found)
    leaving = _leaving(seats, found, address)
    old, first = array_of(found.native), leaving[0]
    new = _copy(old, first)
    exchange, edits = Exchange(old, new, first.transposed), Edits()
    try:
        for seat in leaving:
            put_variable(seat.layer, exchange, edits, seat.index)
            save_what_is_seen(seat.layer, edits)
        refresh_torch(tree)
        rebuild(model, tree, edits, {id(old): new})
    except BaseException:
        edits.undo()
        refresh_torch(tree)
        raise


@dataclass(frozen=True, slots=True)
class _Seat:
    """A layer's place that a tied variable stands in, with the addresses that it gives it."""

    layer: Any
    index: int
    addresses: tuple[str, ...]
    transposed: bool
    place: Place | None


def _at(tree: Tree, address: str) -> Variable:
    for found in tree.variables.values():
        if address in found.addresses:
            return found
    raise TieError(f"no parameter has the address {address!r}")


def _seats(tree: Tree, found: Variable) -> list[_Seat]:
    return [
        _Seat(
            node.native,
            index,
            tuple(join(above, part) for above in node.addresses),
            part in node.views,
            places_of(node.native).get(index),
        )
        for node in tree.nodes.values()
        if node.is_layer
        for index, (part, variable) in enumerate(node.own)
        if variable is found
    ]


def _leaving(seats: list[_Seat], found: Variable, address: str) -> list[_Seat]:
    if len(seats) == 1:
        others = ", ".join(known for known in found.addresses if known != address)
        if not others:
            raise TieError(
                f"{address} is tied to no other parameter",
                hint="inspect(model).ties lists what is tied",
            )
        layer = type(seats[0].layer).__name__
        raise TieError(
            f"{address} cannot be untied from {others}: they are not two arrays that were made "
            f"one, but one {layer} layer that the model uses in several places",
            hint="build the model with a layer of its own in each place, then load the values",
        )
    for seat in seats:
        if address in seat.addresses and found.addresses[0] not in seat.addresses:
            return [seat]
    return [seat for seat in seats if found.addresses[0] not in seat.addresses]


def _copy(variable: Any, seat: _Seat) -> Any:
    """A new variable for a seat, as its layer would have made it, with the values seen there."""
    import keras

    values = VariableStore(variable, None, seat.addresses[0]).read()
    place = seat.place
    # On TensorFlow a variable belongs to the strategy in whose scope it is made.
    strategy = getattr(variable._value, "distribute_strategy", None)
    with contextlib.nullcontext() if strategy is None else strategy.scope():
        new = keras.Variable(
            values.T.copy() if seat.transposed else values,
            dtype=variable._dtype,
            trainable=variable.trainable,
            autocast=variable._autocast,
            aggregation=variable.aggregation,
            layout=None if seat.transposed else variable._layout,
            name=variable.name if place is None else place.name,
        )
    new._path = variable.path if place is None else place.path
    new.regularizer = variable.regularizer if place is None else place.regularizer
    new.constraint = variable.constraint if place is None else place.constraint
    return new
