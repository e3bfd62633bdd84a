"""What a rule gives, a number, an array, an initializer, a callable, as an initializer of ours."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.core.address import nearest
from parametry.core.dtype import cast, kind, numpy_dtype
from parametry.core.initializer import Initializer, Site
from parametry.core.value import Plain, class_name, to_plain
from parametry.errors import DtypeMismatch, RuleError
from parametry.frameworks.registry import Framework
from parametry.initializers.constants import Constant, Identity, Ones, Zeros
from parametry.initializers.delta import Dirac

__all__ = ["Given", "initializer_of", "is_random", "rng_at"]

_FIXED = (Zeros, Ones, Constant, Identity, Dirac)
# fmt: off
_NAMES = (
    "zeros", "ones", "constant", "identity", "random_uniform", "random_normal", "orthogonal",
    "truncated_normal", "variance_scaling", "glorot_uniform", "glorot_normal", "he_uniform",
    "he_normal", "lecun_uniform", "lecun_normal",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Given:
    """Values that are there already.

    Attributes:
        array: The values, in the dtype of the parameter that they are for; not changed.
        plain: What is told of them.
        random: Whether they depend on the seed.
        note: What else there is to say of them.
    """

    array: NDArray[Any] = field(repr=False)
    plain: Mapping[str, Plain]
    random: bool = False
    note: str = ""

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """The values, for the one site that they are for."""
        return self.array

    def to_plain(self) -> dict[str, Plain]:
        """Where they are from."""
        return dict(self.plain)


def initializer_of(
    value: Any, site: Site, seed: int | None, rule: str, framework: Framework
) -> Initializer:
    """What a rule's value is at one parameter. A callable runs here, before anything is written.

    Args:
        value: A number, an array, an initializer of ours or the framework's, the name of one of
            the framework's, or a callable ``(shape, dtype, rng)``.
        site: The parameter.
        seed: The seed that was given.
        rule: The pattern, for messages.
        framework: The model's framework.

    Raises:
        RuleError: It cannot be followed at this parameter.
    """
    where = f"the rule {rule!r} at {site.address}"
    if isinstance(value, type) and callable(getattr(value, "values", None)):
        raise RuleError(f"{where} gives a class", hint=f"make one: {value.__name__}()")
    module = getattr(value, "__module__", None)
    if not isinstance(value, Initializer) and str(module).startswith("parametry.initializers"):
        raise RuleError(f"{where} gives a function", hint=f"call it: {value.__name__}()")
    found: Initializer | None
    if isinstance(value, Initializer):
        found = value
    elif _is_array(value):
        return _of_array(value, site, where)
    elif _takes_rng(value):
        return _of_callable(value, site, seed, where)
    else:
        found = framework.initializer(value)
    if found is None:
        raise _unknown(value, where)
    if seed is None and is_random(found):
        raise RuleError(
            f"{where} is random, and no seed was given",
            hint="initialize(model, rules, seed=0); equal seeds give equal values",
        )
    return found if _is_ours(found) else _of_stranger(found, site, seed or 0, where)


def is_random(initializer: Initializer) -> bool:
    """Whether an initializer may draw random numbers; one that is not known to us may."""
    inner = getattr(initializer, "inner", initializer)
    return inner.random if isinstance(inner, Given) else not isinstance(inner, _FIXED)


def _is_ours(initializer: Initializer) -> bool:
    """Whether no code of a user's runs when it makes its values."""
    ours = type(initializer).__module__.partition(".")[0] == "parametry"
    return ours and not hasattr(initializer, "function")


def rng_at(seed: int, address: str) -> np.random.Generator:
    """A generator of random numbers for one address, from a counter-based stream of its own.

    NumPy promises the bits of ``Philox`` for ever, and not those of a generator's methods.
    """
    text = f"{seed:x}\0rule\0{address}".encode("utf-8", "surrogatepass")
    key = int.from_bytes(blake2b(text, digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))


def _is_array(value: Any) -> bool:
    if isinstance(value, (bool, int, float, complex, np.generic, np.ndarray, list, tuple)):
        return True
    return hasattr(value, "__array__") and not callable(value)


def _of_array(value: Any, site: Site, where: str) -> Initializer:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise RuleError(f"{where}: {error}", hint="rows of equal length are expected") from error
    is_number = array.ndim == 0
    if is_number:
        array = _in_kind(array, site)
    elif array.shape != site.shape:
        hint = "give an array of that very shape, or one number for all"
        if array.T.shape == site.shape:
            hint = "it would fit transposed: array.T"
        raise RuleError(
            f"{where}: the array has the shape {array.shape}, the parameter {site.shape}",
            hint=hint,
        )
    checked = _checked(array, site, where)
    if is_number and kind(checked.dtype) in ("float", "integer", "bool"):
        return Constant(array.item())
    if is_number:
        checked = np.full(site.shape, checked)
    return Given(checked, {"class": "Array", "value": to_plain(checked)})


def _in_kind(number: NDArray[Any], site: Site) -> NDArray[Any]:
    """A whole number for a floating-point parameter means that number; True never means 1."""
    kinds = ("integer", "float", "complex")
    given, wanted = kind(number.dtype), kind(numpy_dtype(site.dtype))
    if given in kinds and wanted in kinds and kinds.index(given) < kinds.index(wanted):
        return number.astype("complex128" if wanted == "complex" else "float64")
    return number


def _takes_rng(value: Any) -> bool:
    """Whether it can be called with a shape, a dtype and a generator."""
    if not callable(value) or isinstance(value, type):
        return False
    try:
        signature = inspect.signature(value)
        signature.bind((), "float32", None)
    except (TypeError, ValueError):
        return False
    third = [p for p in signature.parameters.values() if p.kind != p.VAR_KEYWORD][2:3]
    # ``(shape, dtype, **kwargs)`` and ``(shape, dtype, partition_info=None)`` are Keras's forms.
    return not third or third[0].default is third[0].empty or third[0].name == "rng"


def _of_callable(
    value: Callable[..., Any], site: Site, seed: int | None, where: str
) -> Initializer:
    name = str(getattr(value, "__qualname__", class_name(type(value))))
    if seed is None:
        raise RuleError(
            f"{where} is a callable with random numbers, and no seed was given",
            hint="initialize(model, rules, seed=0); equal seeds give equal values",
        )
    array = _made(
        lambda: value(site.shape, site.dtype, rng_at(seed, site.address)),
        site,
        f"{where}: {name}",
        "function(shape, dtype, rng)",
    )
    return Given(_checked(array, site, f"{where}: {name}"), {"class": name}, random=True)


def _made(make: Callable[[], Any], site: Site, who: str, called_as: str) -> NDArray[Any]:
    """What code of the user's gives, of the shape that was asked for."""
    try:
        array = np.asarray(make())
    except Exception as error:
        raise RuleError(
            f"{who} raised {type(error).__name__}: {error}",
            hint=f"it is called as {called_as}, with the dtype's name",
        ) from error
    if array.shape != site.shape:
        raise RuleError(
            f"{who} gave the shape {array.shape}, {site.shape} was asked for",
            hint="return an array of the shape that it is called with",
        )
    return array


def _of_stranger(initializer: Initializer, site: Site, seed: int, where: str) -> Initializer:
    """What somebody else's initializer gives, checked before anything is written."""
    array = _made(
        lambda: initializer.values(site, seed),
        site,
        f"{where}: the initializer",
        "function(shape, dtype=...)",
    )
    note = str(getattr(initializer, "note", ""))
    return Given(_checked(array, site, where), initializer.to_plain(), random=True, note=note)


def _checked(array: NDArray[Any], site: Site, where: str) -> NDArray[Any]:
    """A copy in the parameter's dtype; refuses another kind, an overflow, NaN and infinities."""
    try:
        if kind(array.dtype) in ("float", "complex") and not np.isfinite(array).all():
            raise RuleError(
                f"{where}: there are NaN or infinite values",
                hint="parametry.inspect(model).parameters[address].assign(array) takes any value",
            )
        return cast(array, site.dtype, address=site.address)
    except DtypeMismatch as error:
        raise RuleError(f"{where}: {error.message}", hint=error.hint) from error


def _unknown(value: Any, where: str) -> RuleError:
    expected = (
        "a number, an array, an initializer, the name of one, or a function (shape, dtype, rng) is "
        "expected"
    )
    if isinstance(value, str):
        close = nearest(value, _NAMES)
        return RuleError(
            f"{where}: no initializer is called {value!r}",
            hint=f"nearest: {', '.join(close)}" if close else expected,
        )
    return RuleError(f"{where} gives {class_name(type(value))}", hint=expected)
