"""A model, a mapping and a report through rich."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from parametry.show import terminal

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def printed(thing: object, columns: int = 100, *, colour: bool = False) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=columns,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        legacy_windows=False,
    )
    console.print(thing)
    return stream.getvalue()


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_everything_fits_the_terminal(build, columns: int) -> None:
    model = build.realistic()
    for thing in (model, model.parameters, model.hyperparameters, build.realistic_report()):
        lines = printed(thing, columns).splitlines()
        assert len(lines) > 10
        assert max(map(cell_len, lines)) <= columns


def test_it_says_what_the_plain_text_says(build) -> None:
    report = build.realistic_report()
    coloured = ESCAPE.sub("", printed(report, colour=True))
    plain = [line.rstrip() for line in coloured.splitlines()]
    from parametry.show import text

    assert plain == text.report(report, width=100).splitlines()


def test_there_is_colour_where_the_terminal_has_it(build) -> None:
    assert "\x1b[" in printed(build.realistic(), colour=True)
    assert "\x1b[" not in printed(build.realistic(), colour=False)


def test_markup_in_names_and_values_is_data(build) -> None:
    entries = [
        build.choice("model/[bold]x[/bold]", "[red]danger[/red]"),
        build.choice("model/[/]", ":warning: [link=file:///etc]x[/link]"),
    ]
    shown = printed(build.hyperparameters(entries), 160, colour=True)
    plain = ESCAPE.sub("", shown)
    for text in (
        "[bold]x[",
        "bold]",
        "[red]danger[/red]",
        "[/]",
        ":warning:",
        "[link=file:///etc]",
    ):
        assert text in plain
    assert "\x1b]8" not in shown


def test_control_characters_of_a_model_do_not_reach_the_terminal(build) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\r\n\x9b31m\u202e"
    model = build.model(
        name=hostile,
        class_name=hostile,
        framework=hostile,
        layers=[build.layer(f"a{hostile}", hostile)],
        parameters=[build.parameter(f"b{hostile}", layer="")],
        hyperparameters=[build.choice(f"c/{hostile}", hostile, passed=[hostile])],
    )
    report = build.report(program=hostile, outcome=hostile, models={hostile: model})
    for thing in (model, report, model.parameters, model.hyperparameters, model.layers):
        shown = ESCAPE.sub("", printed(thing, 160, colour=True))
        assert "owned" in shown
        assert set(shown) & set("\x1b\x07\r\x9b\u202e") == set()
        assert repr(thing).replace("\n", "").isprintable()


def test_writing_is_to_the_stream_that_was_given(build) -> None:
    stream = io.StringIO()
    terminal.write(terminal.report(build.realistic_report()), stream)
    assert stream.getvalue().startswith("train.py --epochs 3")
