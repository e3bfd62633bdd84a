"""The structure of a Keras model: every layer and variable with its address and its aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parametry.conventions.names import automatic, sibling_parts, snake_case
from parametry.core.address import join
from parametry.core.parameter import Parameter, Role
from parametry.core.per_class import per_class
from parametry.frameworks.keras.attributes import attribute_paths, reference_counts
from parametry.frameworks.keras.dialect import Dialect, is_of_keras
from parametry.frameworks.keras.places import Place, places_of
from parametry.frameworks.keras.store import VariableStore
from parametry.frameworks.keras.transposed import is_view

__all__ = ["Node", "Tree", "Variable", "parameters_of", "walk"]


@dataclass(slots=True)
class Variable:
    """One variable with the addresses that lead to it, the canonical first, and its holders.

    The canonical address is the first that sees the array as it is. Where every address sees it
    transposed (the rest of the model is not at hand), ``native`` is a view of it.
    """

    native: Any
    role: Role
    owner: Node
    addresses: list[str]
    frozen_above: bool = False
    other_holders: tuple[Any, ...] = ()
    transposed: frozenset[str] = frozenset()


@dataclass(slots=True)
class Node:
    """One layer, or a seed generator, with the addresses that lead to it, the canonical first."""

    native: Any
    addresses: list[str]
    depth: int
    uses: int = 1
    own: list[tuple[str, Variable]] = field(default_factory=list)
    views: frozenset[str] = frozenset()
    children: list[tuple[str, Node]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The canonical address; empty for the root."""
        return self.addresses[0]

    @property
    def is_layer(self) -> bool:
        """Whether it is a layer; a seed generator is not."""
        return _is_layer(type(self.native))


class Tree:
    """All layers and variables of a model, in depth-first order, each once."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.nodes: dict[int, Node] = {}
        self.variables: dict[int, Variable] = {}
        self._taken: set[str] = set()
        self._open: set[int] = set()

    def add(self, layer: Any, address: str, depth: int, frozen: bool = False) -> Node:
        """Add a layer that was not met yet, with all that is below it.

        Args:
            layer: The layer.
            address: Its canonical address.
            depth: How many layers it lies within.
            frozen: Whether a layer above keeps all that is below it from being trained.
        """
        node = Node(layer, [address], depth)
        self.nodes[id(layer)] = node
        self._open.add(id(layer))
        frozen = frozen or self._freezes(node)
        if not node.is_layer:
            own: list[tuple[Any, Role]] = [(layer.state, "state")]
            below = []
        else:
            own = list(self.dialect.variables(layer))
            below = self.dialect.sublayers(layer) + self.dialect.seed_generators(layer)
        if own:
            places = places_of(layer) if node.is_layer else {}
            parts = self._variable_parts(layer, [variable for variable, _ in own], places)
            if places:
                seen = (index for index, place in places.items() if is_view(place.array))
                node.views = frozenset(parts[index] for index in seen)
            for index, (held, part) in enumerate(zip(own, parts, strict=True)):
                self._add_variable(node, held, part, frozen, places.get(index))
        if below:
            below = _distinct(below)
            parts, uses = self._child_parts(layer, below), self._uses(layer)
            for child, part in zip(below, parts, strict=True):
                self._add_child(node, child, part, uses.get(id(child), 1), frozen)
        self._open.discard(id(layer))
        return node

    def _variable_parts(
        self, layer: Any, variables: list[Any], places: Mapping[int, Place]
    ) -> list[str]:
        name = self.dialect.variable_name
        names = [(name(variable), type(variable).__name__) for variable in variables]
        for index, place in places.items():
            names[index] = (place.name, names[index][1])
        return sibling_parts(names, _Paths(layer, variables))

    def _child_parts(self, layer: Any, children: list[Any]) -> list[str]:
        return sibling_parts(
            [
                (name, type(child).__name__)
                for name, child in zip(self._names(children), children, strict=True)
            ],
            _Paths(layer, children),
        )

    def _names(self, children: list[Any]) -> list[str]:
        names = [name_of(child) for child in children]
        if not self.dialect.names_inputs_after_layers:
            return names
        # ``dense_7_input`` is as automatic as ``dense_7`` is.
        fed = {
            f"{name}_input"
            for name, child in zip(names, children, strict=True)
            if automatic(name, type(child).__name__)
        }
        return [
            "input" if name in fed and type(child).__name__ == "InputLayer" else name
            for name, child in zip(names, children, strict=True)
        ]

    def _freezes(self, node: Node) -> bool:
        """Whether nothing below is trained, even what was thawed after the layer was frozen."""
        if node.depth and not self.dialect.every_layer_freezes:
            return False
        return not node.native.__dict__.get("_trainable", True)

    def _add_variable(
        self, node: Node, held: tuple[Any, Role], part: str, frozen: bool, place: Place | None
    ) -> None:
        variable, role = held
        above = node.addresses[0]
        address = _free(f"{above}/{part}" if above else part, self._taken)
        transposed = part in node.views
        known = self.variables.get(id(variable))
        if known is None:
            seen = variable if place is None else place.array
            known = Variable(seen, role, node, [address], frozen)
            self.variables[id(variable)] = known
        else:
            known.frozen_above = known.frozen_above and frozen
            if is_view(known.native) and not transposed:
                known.addresses.insert(0, address)
                known.other_holders += (known.owner.native,)
                known.native, known.owner = variable, node
            else:
                known.addresses.append(address)
                known.other_holders += (node.native,)
        if transposed:
            known.transposed |= {address}
        node.own.append((part, known))

    def _add_child(self, parent: Node, child: Any, part: str, uses: int, frozen: bool) -> None:
        if id(child) in self._open:
            return  # a layer that holds one of its own ancestors: the way leads back into it
        address = join(parent.address, part)
        known = self.nodes.get(id(child))
        if known is None:
            known = self.add(child, address, parent.depth + 1, frozen)
        else:
            self._alias(known, address, frozen)
        known.uses = max(known.uses, uses)
        parent.children.append((part, known))

    def _alias(self, node: Node, address: str, frozen: bool) -> None:
        node.addresses.append(address)
        frozen = frozen or self._freezes(node)
        for part, variable in node.own:
            below = _free(join(address, part), self._taken)
            variable.addresses.append(below)
            variable.frozen_above = variable.frozen_above and frozen
            if part in node.views:
                variable.transposed |= {below}
        for part, child in node.children:
            self._alias(child, join(address, part), frozen)

    def _uses(self, parent: Any) -> dict[int, int]:
        """How often a parent uses each of its children, by identity."""
        counts: dict[int, int] = {}
        for child in self.dialect.called(parent) or self.dialect.sublayers(parent):
            counts[id(child)] = counts.get(id(child), 0) + 1
        if not is_of_keras(type(parent)):
            # A subclassed model keeps no graph: what is known is how many attributes lead there.
            for identity, references in reference_counts(parent).items():
                counts[identity] = max(counts.get(identity, 0), references)
        return counts


class _Paths:
    """The attribute paths of a holder's things, worked out when asked for: few names need them."""

    def __init__(self, holder: Any, things: list[Any]) -> None:
        self._holder = holder
        self._things = things
        self._known: dict[int, str] | None = None

    def __call__(self, index: int) -> str | None:
        if self._known is None:
            self._known = attribute_paths(self._holder)
        return self._known.get(id(self._things[index]))


def _free(address: str, taken: set[str]) -> str:
    """The address, with a number where it is taken; takes it."""
    unique, number = address, 0
    while unique in taken:
        number += 1
        unique = f"{address}_{number}"
    taken.add(unique)
    return unique


def _distinct(things: list[Any]) -> list[Any]:
    return list({id(thing): thing for thing in things}.values())


@per_class
def _is_layer(cls: type) -> bool:
    """Whether a class is a layer's; what a layer holds else is a generator of random numbers."""
    return any("_flatten_layers" in ancestor.__dict__ for ancestor in cls.__mro__)


def name_of(thing: Any) -> str:
    """A layer's name, or the one that Keras would give it, where its constructor went wrong."""
    name = own_attribute(thing, "name", None)
    return str.__str__(name) if isinstance(name, str) else snake_case(type(thing).__name__)


def own_attribute(layer: Any, name: str, default: Any) -> Any:
    """What Keras keeps on every layer, without running a property of the user's.

    Args:
        layer: A layer, possibly one whose constructor failed or never called Keras's.
        name: ``name``, ``built`` or ``trainable``.
        default: What to give where it is not kept.
    """
    stored = layer.__dict__
    for key in (name, "_" + name):
        if key in stored:
            return stored[key]
    defined = next(
        (ancestor for ancestor in type(layer).__mro__ if name in ancestor.__dict__), None
    )
    if defined is None or not is_of_keras(defined):
        return default
    return getattr(layer, name, default)


def walk(root: Any, dialect: Dialect) -> Tree:
    """Walk a model, or a layer, and everything below it. Changes nothing.

    Args:
        root: A Keras model or layer; its own name is no part of any address.
        dialect: How this Keras keeps its objects.
    """
    tree = Tree(dialect)
    tree.add(root, "", 0)
    return tree


def parameters_of(tree: Tree) -> dict[str, Parameter]:
    """The parameters of a walked model, by canonical address."""
    native_name, shape_of = tree.dialect.native_name, tree.dialect.shape
    out: dict[str, Parameter] = {}
    for found in tree.variables.values():
        variable, owner, addresses = found.native, found.owner, found.addresses
        address = addresses[0]
        out[address] = Parameter(
            address,
            native_name(variable),
            shape_of(variable),
            held_dtype(variable),
            "frozen" if found.frozen_above and found.role == "trainable" else found.role,
            owner.addresses[0],
            type(owner.native).__name__,
            VariableStore(variable, owner.native, address, found.other_holders),
            tuple(addresses[1:]),
            found.transposed and _transposed(found),
        )
    return out


def _transposed(found: Variable) -> frozenset[str]:
    """The aliases that see the array transposed to what the canonical address sees."""
    canonical = found.addresses[0] in found.transposed
    return frozenset(
        alias for alias in found.addresses[1:] if (alias in found.transposed) != canonical
    )


# Asked for one of these, a backend may hold another: JAX holds 32 bits unless told otherwise, torch
# has no unsigned integers of more than 8.
_SUBSTITUTED = frozenset({"float64", "complex128", "int64", "uint64", "uint32", "uint16"})


def held_dtype(variable: Any) -> str:
    """The dtype of the values that a variable holds, which may not be the one that it was asked."""
    name = dtype_name(variable.dtype)
    if name not in _SUBSTITUTED:
        return name
    held = getattr(getattr(variable, "_value", None), "dtype", None)
    return name if held is None else dtype_name(held).removeprefix("torch.")


def dtype_name(dtype: Any) -> str:
    """A dtype's name: Keras 3 gives text, Keras 2 a TensorFlow dtype."""
    return dtype if isinstance(dtype, str) else str(getattr(dtype, "name", dtype))
