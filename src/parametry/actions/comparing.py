"""Two parameters that belong together: in what they differ, and how far their values are apart."""

from __future__ import annotations

from collections.abc import Iterable

from parametry.actions.uncopied import uncopied
from parametry.conventions.layouts import Laid, Order, order_between
from parametry.core.array_difference import ArrayDifference
from parametry.core.counterparts import Pair
from parametry.core.difference import Aspect, ParameterDifference
from parametry.core.parameter import Parameter
from parametry.core.progress import Progress, unwatched
from parametry.errors import ValueUnavailable
from parametry.kernels.comparison import array_difference

__all__ = ["Comparing"]


class Comparing:
    """How pairs of parameters are compared, and how far that has come.

    Args:
        first: The first model's framework.
        second: The second's.
        values: Whether values are compared too.
        tolerance: The largest absolute difference of two elements that does not count.
    """

    def __init__(self, first: str, second: str, values: bool, tolerance: float) -> None:
        self._frameworks = first, second
        self._values = values
        self._tolerance = tolerance
        self._progress: Progress = unwatched
        self._done = self._all = 0

    def watch(self, progress: Progress, found: Iterable[Pair]) -> None:
        """Tell how far it has come of all these pairs."""
        self._progress = progress
        self._all = sum(map(_nbytes, found)) if self._values else 0

    def difference(self, pair: Pair) -> ParameterDifference | None:
        """In what a pair differs; None where in nothing."""
        one, two = pair.first, pair.second
        if one is None or two is None:
            return ParameterDifference(pair.address, one, two)
        order = self._order(pair.address, one, two, pair.transposed)
        shape = two.shape if order.axes is None else tuple(two.shape[axis] for axis in order.axes)
        differs: list[Aspect] = []
        if one.shape != shape:
            differs.append("shape")
        if one.dtype != two.dtype:
            differs.append("dtype")
        if one.role != two.role:
            differs.append("role")
        apart = None
        if self._values and one.shape == shape:
            apart = self._apart(one, two, order.axes)
            if apart is not None:
                differs.append("values")
        self._done += _nbytes(pair)
        self._progress(self._done, self._all)
        if not differs:
            return None
        ambiguous = order.ambiguous and ("shape" in differs or "values" in differs)
        return ParameterDifference(
            pair.address, one, two, tuple(differs), apart, order.axes, ambiguous=ambiguous
        )

    def _order(self, address: str, one: Parameter, two: Parameter, transposed: bool) -> Order:
        """The order of the second's axes: as somebody said, else as names and shapes tell."""
        backwards = tuple(reversed(range(two.rank)))
        shape = two.shape[::-1] if transposed else two.shape
        sides = (
            Laid(seen, name.rpartition("/")[2], entry.layer_class, framework)
            for seen, name, entry, framework in (
                (one.shape, address, one, self._frameworks[0]),
                (shape, two.address, two, self._frameworks[1]),
            )
        )
        order = order_between(*sides)
        if not transposed:
            return order
        if one.shape == shape:  # somebody said so, and it fits
            return Order(backwards)
        return Order(backwards if order.axes is None else tuple(backwards[i] for i in order.axes))

    def _apart(
        self, one: Parameter, two: Parameter, axes: tuple[int, ...] | None
    ) -> ArrayDifference | None:
        try:
            first, second = uncopied(one).numpy(), uncopied(two).numpy()
        except ValueUnavailable as error:
            raise ValueUnavailable(
                error.message, hint=f"{error.hint}; or leave values out: diff(..., values=False)"
            ) from error
        return array_difference(
            first,
            second if axes is None else second.transpose(axes),
            tolerance=self._tolerance,
        )


def _nbytes(pair: Pair) -> int:
    return sum(entry.nbytes for entry in (pair.first, pair.second) if entry is not None)
