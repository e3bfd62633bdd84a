"""Parts of addresses: all different, and dependent on nothing but form and order of the names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from parametry.conventions.names import automatic, sibling_parts, snake_case
from parametry.core.address import part

relaxed = settings(deadline=None, max_examples=300)


def parts(*named: tuple[Any, ...]) -> list[str]:
    """The parts of siblings, given as (name, class) or (name, class, path of attributes)."""

    def path(index: int) -> Any:
        return named[index][2] if len(named[index]) > 2 else None

    return sibling_parts([(item[0], item[1]) for item in named], path)


# ------------------------------------------------ the form of an automatic name


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("Dense", "dense"),
        ("Conv2D", "conv2d"),
        ("Conv2DTranspose", "conv2d_transpose"),
        ("LSTM", "lstm"),
        ("LSTMCell", "lstm_cell"),
        ("MultiHeadAttention", "multi_head_attention"),
        ("BatchNormalization", "batch_normalization"),
        ("ReLU", "re_lu"),
        ("PReLU", "p_re_lu"),
        ("RMSprop", "rm_sprop"),
        ("GlobalAveragePooling1D", "global_average_pooling1d"),
        ("MyLayer2", "my_layer2"),
        ("my_layer", "my_layer"),
        ("_Private", "__private"),
        ("FFN", "ffn"),
        ("FooB2Bar", "foo_b2_bar"),
        ("aB<c>D", "a_bc_d"),
        ("ÄhnlicheSchicht", "ähnliche_schicht"),
        ("層", "層"),
        ("", ""),
    ],
)
def test_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake


@pytest.mark.parametrize(
    ("name", "class_name", "form"),
    [
        ("dense", "Dense", ("dense", 0)),
        ("dense_7", "Dense", ("dense", 7)),
        ("dense_0", "Dense", ("dense", 0)),
        ("dense_007", "Dense", ("dense", 7)),
        ("dense_12345678901", "Dense", ("dense", 12345678901)),
        ("conv2d_3", "Conv2D", ("conv2d", 3)),
        ("forward_lstm", "LSTM", ("forward_lstm", 0)),
        ("backward_lstm_3", "LSTM", ("backward_lstm", 3)),
        ("seed_generator_6", "SeedGenerator", ("seed_generator", 6)),
        ("functional_2", "Functional", ("functional", 2)),
        ("model_2", "Functional", ("model", 2)),
        ("input_1", "InputLayer", ("input", 1)),
        ("input_layer_4", "InputLayer", ("input_layer", 4)),
        ("variable_3", "ResourceVariable", ("variable", 3)),
        ("private__block_2", "_Block", ("private__block", 2)),
        ("dense", "Conv2D", None),
        ("head", "Dense", None),
        ("dense_", "Dense", None),
        ("dense_a", "Dense", None),
        ("dense_1_2", "Dense", None),
        ("dense_-1", "Dense", None),
        ("dense_²", "Dense", None),
        ("dense_٣", "Dense", None),
        ("dense_" + "9" * 19, "Dense", None),
        ("dense_" + "9" * 5_000, "Dense", None),
        ("Dense_1", "Dense", None),
        ("xdense_1", "Dense", None),
        ("dense_layer", "Dense", None),
        ("forward_head", "LSTM", None),
        ("", "Dense", None),
        ("", "", None),
        ("_3", "", None),
        ("_3", "<>", None),
    ],
)
def test_the_form_of_an_automatic_name(name: str, class_name: str, form: Any) -> None:
    assert automatic(name, class_name) == form


# ------------------------------------------------ examples


@pytest.mark.parametrize(
    ("siblings", "expected"),
    [
        ([], []),
        ([("dense_9", "Dense")], ["dense"]),
        ([("head", "Dense")], ["head"]),
        ([("a/b", "Dense")], ["a%2Fb"]),
        ([("", "Dense")], ["%"]),
        ([("dense_9", "Dense"), ("dense_10", "Dense")], ["dense", "dense_1"]),
        ([("dense_10", "Dense"), ("dense_9", "Dense")], ["dense_1", "dense"]),
        ([("dense", "Dense"), ("dense_5", "Dense")], ["dense", "dense_1"]),
        ([("dense_3", "Dense"), ("conv2d_3", "Conv2D")], ["dense", "conv2d"]),
        ([("head", "Dense"), ("dense_4", "Dense")], ["head", "dense"]),
        # an explicit name is never taken away from who has it
        ([("dense_8", "Dense"), ("dense", "Conv2D")], ["dense_1", "dense"]),
        ([("dense_8", "Dense"), ("dense_9", "Dense"), ("dense_1", "Mine")],
         ["dense", "dense_2", "dense_1"]),
        # one automatic name twice
        ([("dense_3", "Dense"), ("dense_3", "Dense")], ["dense", "dense_1"]),
        # one explicit name twice
        ([("x", "A", "left"), ("x", "A", "right")], ["left", "right"]),
        ([("x", "A", "blocks/0"), ("x", "B", "blocks/1")], ["blocks/0", "blocks/1"]),
        ([("x", "A"), ("x", "B")], ["x", "x_1"]),
        ([("x", "A"), ("x", "B", "right")], ["x", "right"]),
        ([("x", "A", "same"), ("x", "B", "same")], ["same", "x"]),
        ([("x", "A", "y"), ("x", "B", "z"), ("y", "C")], ["x", "z", "y"]),
        ([("x", "A"), ("x", "B"), ("x_1", "C")], ["x", "x_2", "x_1"]),
        # an explicit name that is another sibling's automatic one
        ([("dense", "Mine", "a"), ("dense", "Dense")], ["dense", "dense_1"]),
        # no sibling seems to lie below another
        ([("x", "A", "blocks/0"), ("x", "B", "blocks/1"), ("blocks", "C")], ["x", "x_1", "blocks"]),
        ([("blocks", "A", "blocks"), ("blocks", "B", "blocks/1")], ["blocks", "blocks_1"]),
        ([("blocks", "A", "blocks/1"), ("blocks", "B")], ["blocks/1", "blocks_1"]),
    ],
)  # fmt: skip
def test_what_siblings_are_called(siblings: Any, expected: list[str]) -> None:
    assert parts(*siblings) == expected


def test_paths_are_asked_for_only_where_they_are_needed() -> None:
    def never(index: int) -> str | None:
        raise AssertionError("the attributes were walked for nothing")

    names = [("head", "Dense"), ("dense_4", "Dense"), ("dense_5", "Dense"), ("tail", "Dense")]
    assert sibling_parts(names, never)


# ------------------------------------------------ properties

CLASSES = ["Dense", "Conv2D", "LSTM", "Mine"]
numbers = st.integers(0, 30)


def automatic_name(class_name: str, number: int) -> str:
    return snake_case(class_name) + (f"_{number}" if number else "")


automatics = st.tuples(st.sampled_from(CLASSES), numbers).map(
    lambda pair: (automatic_name(*pair), pair[0])
)
explicits = st.tuples(
    st.sampled_from(["a", "b", "dense", "dense_1", "conv2d", "x/y", "", "%", "blocks"])
    | st.text(max_size=3),
    st.sampled_from(CLASSES),
    st.none() | st.sampled_from(["a", "b", "p", "q", "blocks", "blocks/0", "blocks/0/1", "dense"]),
)
families = st.lists(automatics | explicits, max_size=8)


@relaxed
@given(families)
def test_all_parts_are_different_and_none_lies_below_another(siblings: Any) -> None:
    found = parts(*siblings)
    assert len(found) == len(siblings)
    assert len(set(found)) == len(found)
    assert all(found)
    for name in found:
        assert not any(other.startswith(name + "/") for other in found)


@relaxed
@given(families)
def test_a_unique_explicit_name_stays(siblings: Any) -> None:
    explicit = [item[0] for item in siblings if automatic(item[0], item[1]) is None]
    for item, found in zip(siblings, parts(*siblings), strict=True):
        if explicit.count(item[0]) == 1 and automatic(item[0], item[1]) is None:
            assert found == part(item[0])


def renumbered(siblings: Iterable[Any], move: Any) -> list[Any]:
    """The same names as if the process had made other layers before."""
    out = []
    for name, class_name, *rest in siblings:
        form = automatic(name, class_name)
        out.append((name if form is None else f"{form[0]}_{move(form[1])}", class_name, *rest))
    return out


@relaxed
@given(families, st.integers(1, 5), st.integers(1, 1000))
def test_what_was_made_before_does_not_matter(siblings: Any, factor: int, offset: int) -> None:
    moved = renumbered(siblings, lambda number: number * factor + offset)
    assert parts(*moved) == parts(*siblings)


@relaxed
@given(st.lists(automatics, min_size=1, max_size=8, unique=True), st.randoms())
def test_the_order_of_automatic_siblings_does_not_matter(siblings: Any, random: Any) -> None:
    expected = dict(zip(siblings, parts(*siblings), strict=True))
    shuffled = list(siblings)
    random.shuffle(shuffled)
    assert dict(zip(shuffled, parts(*shuffled), strict=True)) == expected


@relaxed
@given(families, st.text(min_size=1, max_size=4), st.integers(0, 8))
def test_a_named_sibling_more_changes_no_other(siblings: Any, name: str, at: int) -> None:
    before = parts(*siblings)
    escaped = part(name)
    # A name that others have already, or that one of them got, is another matter.
    assume(not any(found.partition("/")[0] == escaped for found in before))
    assume(name not in {item[0] for item in siblings})
    assume(automatic(name, "Mine") is None)
    at = min(at, len(siblings))
    after = parts(*siblings[:at], (name, "Mine"), *siblings[at:])
    assert after == [*before[:at], escaped, *before[at:]]


@relaxed
@given(st.lists(automatics, max_size=8), st.sampled_from(CLASSES), st.integers(0, 8))
def test_a_sibling_of_a_later_number_changes_no_other(
    siblings: Any, class_name: str, at: int
) -> None:
    at = min(at, len(siblings))
    later = (automatic_name(class_name, 31), class_name)
    after = parts(*siblings[:at], later, *siblings[at:])
    assert [*after[:at], *after[at + 1 :]] == parts(*siblings)


@relaxed
@given(families)
def test_the_same_names_give_the_same_parts(siblings: Any) -> None:
    assert parts(*siblings) == parts(*siblings)
