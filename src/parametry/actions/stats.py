"""`parametry.stats`: what the values of parameters look like, as numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from parametry.actions.viewing import view_of
from parametry.core.coverage import Gap
from parametry.core.dtype import numpy_dtype
from parametry.core.mappings import Parameters
from parametry.core.parameter import Parameter
from parametry.core.progress import Progress, unwatched
from parametry.core.statistics import ArrayStatistics, Statistics
from parametry.core.value import class_name
from parametry.errors import DtypeMismatch, NotAModel
from parametry.frameworks.registry import registered
from parametry.kernels.statistics import engine_for, has_statistics, statistics_of

__all__ = ["stats"]

_ARRAY = "array"


def stats(
    source: Any,
    *,
    select: str | Iterable[str] = (),
    exact: bool = False,
    progress: Progress = unwatched,
) -> Statistics:
    """Counts, extremes, moments, norms, quantiles and a sketch of every parameter.

    NaN and the infinities are counted, and left out of everything else. Counts and extremes are
    exact. The mean, the standard deviation and the norms are of float64: their relative error is
    below 1e-12, that of the mean against the mean absolute value.

    Parameters are read one at a time, and those of a file that can be mapped into memory not even
    that: never more than the largest parameter is held, and some blocks.

    Args:
        source: A live model, what `parametry.inspect` gave, the path of a model's file, a
            `Parameters` mapping or one `Parameter` of it, or an array, whose address is ``array``.
        select: Patterns of the addresses to look at, as ``"**/kernel"``; none means all.
        exact: Whether quantiles and sketch are to be of all values. Otherwise those of an array of
            more than 65,536 values are of a sample of so many, one from each of as many parts;
            `ArrayStatistics.exact` tells which. Values of 8 bits are always counted exactly.
        progress: Told the bytes that are read and all that will be, after each parameter.

    Returns:
        The statistics by address. What holds no numbers has none: `Statistics.gaps` names it.

    Raises:
        NotAModel: It is none of these.
        SourceMissing: There is no such file.
        FormatError: The file is damaged, hostile or of no known format.
        NothingMatched: A pattern matches no parameter.
        ValueUnavailable: A value cannot be read at this moment, as within a compiled step.
        DtypeMismatch: The array given holds no numbers.

    Example:
        >>> import numpy as np
        >>> found = stats(np.array([1.0, 2.0, np.nan]))["array"]
        >>> found.mean, found.nan, found.nonfinite
        (1.5, 1, 1)
        >>> import parametry as pm                                       # doctest: +SKIP
        >>> found = pm.stats(net, select="**/kernel")                    # doctest: +SKIP
        >>> found["dense/kernel"].quantiles[0.5]                         # doctest: +SKIP
        0.0012
        >>> if found.nonfinite(): print(found.nonfinite())               # doctest: +SKIP
    """
    if isinstance(source, np.ndarray) or _is_array(source):
        return _of_array(np.asarray(source), exact)
    parameters = _parameters(source)
    if patterns := (select,) if isinstance(select, str) else tuple(select):
        parameters = parameters.select(*patterns)
    total = sum(entry.nbytes for entry in parameters.values())
    found: dict[str, ArrayStatistics] = {}
    gaps: list[Gap] = []
    done = 0
    for entry in parameters.values():
        progress(done, total)
        done += entry.nbytes
        if not _has_numbers(entry.dtype):
            gaps.append(Gap(entry.address, f"{entry.dtype} values are no numbers"))
            continue
        found[entry.address] = _of(entry.address, entry.dtype, _values(entry), exact, total)
    aliases = {alias: entry.address for entry in parameters.values() for alias in entry.aliases}
    return Statistics.of(found, source=parameters.source, aliases=aliases, gaps=gaps)


@runtime_checkable
class _Mapped(Protocol):
    """A store whose values may be looked at where they lie."""

    def view(self) -> NDArray[Any] | None: ...


def _values(entry: Parameter) -> NDArray[Any]:
    """The values, without a copy where they are in a file that can be mapped."""
    view = entry.store.view() if isinstance(entry.store, _Mapped) else None
    return entry.store.read() if view is None else view


def _of(address: str, dtype: str, array: NDArray[Any], exact: bool, total: int) -> ArrayStatistics:
    engine = engine_for(array.nbytes, total=total)
    moments, distribution = statistics_of(array, exact=exact, engine=engine)
    return ArrayStatistics(address, array.shape, dtype, moments, distribution)


def _of_array(array: NDArray[Any], exact: bool) -> Statistics:
    found = _of(_ARRAY, array.dtype.name, array, exact, array.nbytes)
    return Statistics.of({_ARRAY: found})


def _has_numbers(name: str) -> bool:
    try:
        return has_statistics(numpy_dtype(name))
    except DtypeMismatch:
        return False


def _is_array(source: Any) -> bool:
    """Whether it is an array of some library, and no model: a `Parameter` is more than that."""
    if isinstance(source, (Parameter, type)) or not hasattr(source, "__array__"):
        return False
    return hasattr(source, "shape") and hasattr(source, "dtype")


def _parameters(source: Any) -> Parameters:
    if isinstance(source, Parameters):
        return source
    if isinstance(source, Parameter):
        return Parameters({source.address: source}, source=f"parameter {source.address!r}")
    view = view_of(source)
    if view is not None:
        return view.parameters
    known = ", ".join(sorted(registered()))
    raise NotAModel(
        f"an object of class {class_name(type(source))} is no model and no array",
        hint=f"a layer or model of {known}, a file, a Model, a Parameter or an array is expected",
    )
