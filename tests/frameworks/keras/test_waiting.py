"""Steps that wait are told once each, in order, whatever changes between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.frameworks.keras.recording.backend import Backend
from parametry.frameworks.keras.recording.waiting import Waiting

KEYS = ("loss", "mae", "error")


class Rate:
    """A rate that is what was kept of it, applied at every so many steps."""

    address = "optimizer/learning_rate"

    def __init__(self, every: int) -> None:
        self.every = every

    def applies_at(self, step: int) -> bool:
        return (step + 1) % self.every == 0

    def rates(self, steps: Sequence[int], held: Sequence[Any]) -> list[float | None]:
        assert len(steps) == len(held)
        return list(held)


calls = st.lists(
    st.tuples(
        st.integers(1, 3),  # steps that it took
        st.lists(st.sampled_from(KEYS), unique=True, max_size=3).map(tuple),
        st.sampled_from([0.1, 0.2, math.nan, None]),  # the rate
        st.sampled_from(["go on", "go on", "jump", "read", "tell", "tell all"]),
    ),
    max_size=40,
)


def quiet(value: float | None) -> Any:
    return "nan" if value is not None and math.isnan(value) else value


def compiled() -> Backend:
    """A backend that knows two keys of a step, compiled where the backend compiles."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=keras.backend.backend() == "jax")
    backend = Backend(model)
    backend.kept({key: keras.ops.ones(()) for key in KEYS[:2]})
    assert backend.logs_are_small
    assert backend.reads_each_step is (backend.name == "torch")
    return backend


@given(calls, st.integers(1, 3), st.booleans())
@settings(deadline=None)
def test_each_step_once(given_calls: list[Any], every: int, shortened: bool) -> None:
    waiting, rate = Waiting(compiled(), 0.0), Rate(every)
    told: list[Any] = []

    def tell(all_of_them: bool) -> None:
        told.extend(waiting.told([rate], 0, 0.0, all_of_them=all_of_them))  # type: ignore[list-item]

    expected: dict[int, dict[str, Any]] = {}
    step, last = 0, None
    for number, (count, keys, held, then) in enumerate(given_calls):
        row = tuple(float(number + place) for place in range(len(keys)))
        alike = (count, quiet(held))
        if last == alike == (1, quiet(held)):
            waiting.room()[0].append((float(number), dict(zip(keys, row, strict=True))))
        else:
            waiting.add(step, count, float(number), (keys, row), [held])
        last = alike
        taken = count
        assert waiting.next_step == step + count
        if shortened and count > 1 and number == len(given_calls) - 1:
            assert waiting.last == (step, count)
            waiting.shorten(count - 1)
            taken = count - 1
        for at in range(step, step + taken):
            values = dict(zip(keys, row, strict=True)) if at == step + taken - 1 else {}
            if held is not None and rate.applies_at(at):
                values[rate.address] = quiet(held)
            if values:
                expected[at] = {**values, "when": float(number)}
        step += taken
        if then == "jump":
            step, last = step + 7, None
        if then == "read":
            assert not waiting.read(0.5)
            assert waiting.next_step == step
        if then.startswith("tell"):
            tell(then == "tell all")
    tell(True)
    found: dict[int, dict[str, Any]] = {}
    for columns in told:
        assert columns.values.shape == (len(columns.steps), len(columns.keys))
        for at, when, values in zip(
            columns.steps.tolist(), columns.whens.tolist(), columns.values.tolist(), strict=True
        ):
            assert at not in found
            row_of = dict(zip(columns.keys, map(quiet, values), strict=True))
            found[at] = {**row_of, "when": when}
    assert found == expected
    assert waiting.last is None
