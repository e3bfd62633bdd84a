"""A difference as text, for rich, as HTML and as JSON."""

from __future__ import annotations

import importlib.resources
import io
import json
from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml
from rich.console import Console

import parametry as pm
from parametry.core.model import Model, ties_of
from parametry.core.parameter import Parameter
from parametry.show import html, text
from parametry.show.columns import Cell, Column, Table
from parametry.show.detail import EVERYTHING
from parametry.show.html_table import table
from parametry.show.markup import Markup

WIDTH = 220


@pytest.fixture
def held(build) -> Any:
    """A parameter with values."""

    def of(address: str, values: Any, **known: Any) -> Parameter:
        array = np.asarray(values, known.get("dtype", "float32"))
        made = build.parameter(address, array.shape, **known)
        made.store.array = array
        return made

    return of


@pytest.fixture
def sides(build, held) -> tuple[Model, Model]:
    """Two models that differ in every way there is."""
    blocks = [held(f"blocks/{n}/kernel", np.zeros((2, 2))) for n in range(6)]
    wider = [held(f"blocks/{n}/kernel", np.zeros((2, 4))) for n in range(6)]
    first = build.model(
        name="monday",
        parameters=[
            held("embedding/table", np.ones((3, 2)), aliases=("head/kernel",)),
            *blocks,
            held("hidden/kernel", np.ones((3, 3))),
            held("norm/gamma", [1.0, np.nan, 3.0]),
            held("norm/beta", np.arange(5000.0)),
        ],
        optimizer=[held("adam/m", [1.0], role="optimizer")],
        hyperparameters=[
            build.choice("model/units", 64, "explicit", 31),
            build.choice("model/dtype", "float32", "default"),
            build.choice("model/gone", None, "default"),
            *(build.choice(f"model/blocks/{n}/width", 2, "explicit", 12) for n in range(6)),
            build.choice("fit/batch_size", 32, "default"),
        ],
    )
    second = build.model(
        name="friday",
        framework="keras (torch)",
        parameters=[
            held("embedding/table", np.ones((3, 2))),
            held("head/kernel", np.ones((3, 2))),
            *wider,
            held("wide/kernel", np.ones((3, 3))),
            held("norm/gamma", [1.5, 2.0, 3.0], dtype="float64", role="frozen"),
            held("norm/beta", np.append(np.arange(4999.0), 0)),
        ],
        optimizer=[held("adam/m", [2.0], role="optimizer")],
        hyperparameters=[
            build.choice("model/units", 32, "default", 35),
            build.choice("model/dtype", "float32", "default"),
            build.choice("model/new", "None", "explicit", 36),
            *(build.choice(f"model/blocks/{n}/width", 4, "explicit", 12) for n in range(6)),
            build.choice("fit/batch_size", 32, "explicit", 50),
        ],
    )
    return first, second


@pytest.fixture
def found(sides) -> pm.Difference:
    return pm.diff(*sides, optimizer=True)


def squeezed(page: str) -> str:
    """The text with runs of spaces made one, so that no test counts columns."""
    return "\n".join(" ".join(line.split()) for line in page.splitlines())


def test_everything_that_differs_is_told(found) -> None:
    page = squeezed(text.difference(found, width=WIDTH))
    for words in (
        "monday → friday · Net · keras (jax) → keras (torch)",
        "11 hyperparameters: 7 changed, 1 removed, 1 added, 1 of the same value by another origin",
        "12 parameters: 8 changed, 1 removed, 1 added",
        "1 optimizer slot: 1 changed",
        "1 tie of one side alone",
        "model/units 64 32 explicit → default train.py:31 → train.py:35",
        "model/gone None (unset) default",
        # The text is in quotes, so that it is not taken for the value.
        "model/new (unset) 'None' explicit train.py:36",
        "model/blocks/{0..5}/width ×6 2 4 explicit train.py:12",
        "blocks/{0..5}/kernel ×6 shape (2, 2) → (2, 4) float32",
        "hidden/kernel removed (3, 3) float32 renamed? wide/kernel",
        "wide/kernel added (3, 3) float32 renamed? hidden/kernel",
        "norm/gamma dtype, role, values (3,) float32 → float64 66.7% 0.5 0.25 0.1581 0.989949 "
        "trainable → frozen NaN or infinite: 1 → 0",
        "norm/beta values (5000,) float32 1 of them 4999 ",
        "adam/m values (1,) float32 100% 1 1 1 1.000000",
        "removed: embedding/table = head/kernel",
    ):
        assert words in page, words
    assert "model/dtype" not in page
    assert "fit/batch_size" not in page


def test_other_origins_are_listed_with_everything(found) -> None:
    page = squeezed(text.difference(found, width=WIDTH, detail=EVERYTHING))
    assert "fit/batch_size 32 32 default → explicit train.py:50" in page


def test_equal_models_are_one_word_each(sides) -> None:
    page = text.difference(pm.diff(sides[0], sides[0]), width=WIDTH)
    assert page.splitlines() == [
        "monday → monday · Net · keras (jax)",
        "10 hyperparameters: equal",
        "10 parameters: equal",
    ]


def test_what_was_not_compared_is_said(sides) -> None:
    page = text.difference(pm.diff(*sides, values=False), width=WIDTH)
    assert "12 parameters: 7 changed, 1 removed, 1 added (values not compared)" in page


def test_long_differences_are_cut_and_counted(build, held) -> None:
    def side(value: int) -> Model:
        return build.model(
            parameters=[held(f"l{n}x/w", [float(value * n)]) for n in range(1, 301)],
            hyperparameters=[build.choice(f"model/l{n}x/rate", value * n) for n in range(1, 201)],
        )

    found = pm.diff(side(1), side(2))
    lines = text.difference(found, width=WIDTH).splitlines()
    assert len(lines) < 75
    assert [line for line in lines if " more" in line] == ["… 170 more", "… 270 more"]
    assert lines[-1].startswith("… select(pattern) narrows")
    whole = text.difference(found, width=WIDTH, detail=EVERYTHING)
    assert "l300x/w" in whole
    assert "more" not in whole


@pytest.mark.parametrize("width", [20, 40, 80, 120, 400])
def test_no_line_is_too_long(found, width: int) -> None:
    for page in (text.difference(found, width=width), text.mapping(found.parameters, width=width)):
        assert all(len(line) <= width for line in page.splitlines())


def test_the_terminal_shows_the_same_words(found) -> None:
    console = Console(width=WIDTH, record=True, file=io.StringIO())
    console.print(found)
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert lines == text.difference(found, width=WIDTH).splitlines()
    console.print(found.parameters, found.hyperparameters)
    assert "blocks/{0..5}/width" in console.export_text()


def test_the_parts_can_be_selected_and_shown(found) -> None:
    page = squeezed(text.mapping(found.parameters.select("norm/*"), width=WIDTH))
    assert "norm/gamma dtype, role, values" in page
    assert "hidden/kernel" not in page
    assert "2 differing parameters" in page
    page = squeezed(repr(found.hyperparameters))
    assert "model/units 64 32" in page
    assert "no differing parameters" in repr(found.parameters.select("x", missing_ok=True))


# ---------------------------------------------------------------- HTML


def test_html_tells_the_same(found) -> None:
    page = html.difference(found)
    assert len(page.encode()) <= 200_000
    for words in (
        "monday → friday", "blocks/{0..5}/", "×6", "(unset)", "&#x27;None&#x27;",
        "renamed? wide/kernel", "default → explicit", "66.7%", "removed: embedding/table",
        "<details>", "<details open>",
    ):  # fmt: skip
        assert words in page, words
    assert page.count("<td") == page.count("</td>")
    assert "model/units" not in page  # its last part is set off
    assert "differing parameter" in found.parameters._repr_html_()
    assert "differing hyperparameter" in found.hyperparameters._repr_html_()


def test_html_stays_within_its_limit(build, held) -> None:
    long = "&" * 3_000

    def side(value: int) -> Model:
        return build.model(
            name=long,
            class_name=long,
            parameters=[held(f"l{n}x/{long}", [float(value + n)]) for n in range(900)],
            optimizer=[held(f"l{n}x/{long}", [float(value + n)]) for n in range(900)],
            hyperparameters=[
                *(build.choice(f"s{n % 300}/{long}{n}", f"{value}{long}") for n in range(1_500)),
                *(build.choice(f"t/{n}/{long}", 1, "default" if value else "explicit")
                  for n in range(900)),
            ],
        )  # fmt: skip

    found = pm.diff(side(0), side(1), optimizer=True)
    tied = tuple(pm.Tie(f"a{n}{long}", tuple(f"b{m}{long}" for m in range(20))) for n in range(200))
    ties = tuple(pm.diff(build.model(), replace(build.model(), ties=tied)).ties)
    for thing in (replace(found, ties=ties), found.parameters, found.hyperparameters):
        page = thing._repr_html_()
        assert len(page.encode()) <= 200_000
        assert " more" in page
        for tag in ("div", "details", "table", "tr", "td", "span", "code"):
            assert page.count(f"<{tag}") == page.count(f"</{tag}>"), tag


@pytest.mark.parametrize("hostile", ["<script>x</script>", "\x1b[31m\u202e", "a\nb", "\ud800"])
def test_whatever_is_in_a_model_is_text(build, held, hostile: str) -> None:
    sides = [
        build.model(
            name=hostile,
            class_name=hostile,
            framework=hostile,
            parameters=[held(f"{hostile}/{n}", [1.0], aliases=(f"{hostile}{n}",))],
            hyperparameters=[build.choice(f"{hostile}/{n}", hostile)],
        )
        for n in (1, 2)
    ]
    found = pm.diff(*sides)
    for page in (text.difference(found, width=WIDTH), html.difference(found)):
        assert "\x1b" not in page
        assert "\u202e" not in page
        page.encode()
    assert "<script" not in html.difference(found)


def test_columns_in_which_nothing_stands_are_left_out() -> None:
    page = Markup(10_000)
    made = Table((Column("A"), Column("B"), Column("C")), [(Cell("1"), Cell(""), Cell("<"))], 3)
    table(page, made)
    assert str(page) == (
        '<table class="d"><tr><td class="dim">A</td><td class="dim">C</td></tr>'
        "<tr><td>1</td><td>&lt;</td></tr>"
        '<tr class="dim"><td colspan="9">… 3 more</td></tr></table>'
    )


# ---------------------------------------------------------------- JSON


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(
        importlib.resources.files("parametry.core").joinpath("schema.json").read_text()
    )
    return jsonschema.Draft202012Validator(schema)


def test_the_form_is_that_of_the_schema(found, sides, validator) -> None:
    for thing in (found, pm.diff(sides[0], sides[0]), pm.diff(*sides, values=False, select="**")):
        validator.validate(json.loads(thing.to_json()))
        validator.validate(yaml.safe_load(thing.to_yaml()))


def test_what_overflows_is_of_the_form_too(build, held, validator) -> None:
    sides = [build.model(parameters=[held("w", [v], dtype="float64")]) for v in (1e308, -1e308)]
    form = json.loads(pm.diff(*sides).to_json())
    assert form["parameters"]["w"]["values"]["max_abs"] == {"$float": "inf"}
    validator.validate(form)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("equal",), None),
        (("extra",), 1),
        (("first", "name"), None),
        (("compared", "tolerance"), -1),
        (("compared", "parameters"), -1),
        (("hyperparameters", "model/units", "kind"), "moved"),
        (("hyperparameters", "model/units", "first"), 64),
        (("parameters", "norm/gamma", "differs"), ["name"]),
        (("parameters", "norm/gamma", "values", "share"), 1.5),
        (("parameters", "norm/gamma", "values", "cosine"), 2),
        (("parameters", "norm/gamma", "values", "max_abs"), -1),
        (("parameters", "norm/gamma", "values", "nonfinite"), [1]),
        (("parameters", "hidden/kernel", "nearest"), "/x"),
        (("ties", 0, "kind"), "changed"),
    ],
)
def test_what_is_not_of_the_form_is_refused(found, validator, path: Any, value: Any) -> None:
    form = json.loads(found.to_json())
    place = form
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert not validator.is_valid(form)


def test_what_is_not_told_is_refused_too(found, validator) -> None:
    form = json.loads(found.to_json())
    for key in form:
        assert not validator.is_valid({k: v for k, v in form.items() if k != key}), key


def test_the_json_tells_what_the_tables_tell(found) -> None:
    form = json.loads(found.to_json())
    assert form["equal"] is False
    assert form["first"] == {"name": "monday", "class": "Net", "framework": "keras (jax)"}
    assert form["hyperparameters"]["model/units"] == {
        "kind": "changed",
        "first": {"value": 64, "origin": "explicit", "where": "train.py:31"},
        "second": {"value": 32, "origin": "default", "where": "train.py:35"},
    }
    assert list(form["origins"]) == ["fit/batch_size"]
    assert form["ties"] == [
        {
            "kind": "removed",
            "address": "embedding/table",
            "aliases": ["head/kernel"],
            "transposed": [],
        }
    ]
    assert ties_of({}) == ()
