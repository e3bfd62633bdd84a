"""Where a parameter's initial values came from, in words."""

from __future__ import annotations

from collections.abc import Mapping

from parametry.core.parameter import Parameter
from parametry.core.value import Plain
from parametry.show.value import one_line

__all__ = ["initializer_words", "provenance_words"]

# Variance scaling is known by the names of its papers.
_NAMED = {
    (1.0, "fan_avg", "uniform"): "glorot_uniform",
    (1.0, "fan_avg", "truncated_normal"): "glorot_normal",
    (2.0, "fan_in", "uniform"): "he_uniform",
    (2.0, "fan_in", "truncated_normal"): "he_normal",
    (1.0, "fan_in", "uniform"): "lecun_uniform",
    (1.0, "fan_in", "truncated_normal"): "lecun_normal",
}


def initializer_words(plain: Mapping[str, Plain]) -> str:
    """An initializer in one line.

    Example:
        >>> initializer_words({"class": "Normal", "mean": 0.0, "stddev": 0.01})
        'Normal(mean=0.0, stddev=0.01)'
        >>> initializer_words(
        ...     {"class": "VarianceScaling", "scale": 2.0, "mode": "fan_in",
        ...      "distribution": "uniform", "fans": "keras"}
        ... )
        "he_uniform, Keras's fans"
    """
    given = dict(plain)
    name = str(given.pop("class", "?"))
    aside = ", Keras's fans" if given.pop("fans", None) == "keras" else ""
    if name == "VarianceScaling":
        kind = tuple(given.get(key) for key in ("scale", "mode", "distribution"))
        known = _NAMED.get(kind)  # type: ignore[arg-type]
        if known is not None:
            for key in ("scale", "mode", "distribution"):
                given.pop(key)
            name = known
    arguments = ", ".join(f"{key}={one_line(value)}" for key, value in given.items())
    return f"{name}({arguments}){aside}" if arguments else f"{name}{aside}"


def provenance_words(parameter: Parameter) -> str:
    """What made or loaded a parameter's initial values; empty where that is not known."""
    found = parameter.provenance
    if found is None:
        return ""
    if found.initializer is None:
        return found.action if found.source is None else f"{found.action}: {found.source}"
    seed = "" if found.seed is None else f", seed {found.seed}"
    return initializer_words(found.initializer) + seed
