"""Tables for pandas, which is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parametry.errors import FrameworkMissing

__all__ = ["data_frame", "imported_pandas"]


def imported_pandas() -> Any:
    """The package pandas.

    Raises:
        FrameworkMissing: It is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise FrameworkMissing(
            "to_pandas() needs pandas, which is not installed",
            hint="pip install pandas, or use to_dict()",
        ) from None
    return pandas


def data_frame(columns: Mapping[str, Any], index: Sequence[Any], name: str) -> Any:
    """A ``pandas.DataFrame``.

    Args:
        columns: The columns by name, each as long as the index.
        index: What the rows are called.
        name: What the index is called.

    Raises:
        FrameworkMissing: pandas is not installed.
    """
    pandas = imported_pandas()
    return pandas.DataFrame(dict(columns), index=pandas.Index(index, name=name))
