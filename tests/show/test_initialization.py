"""The report of an initialisation as text, in colour and as HTML; provenance in the tables."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from parametry.core.initialization import Initialization, Initialized
from parametry.core.provenance import Provenance, remember
from parametry.errors import UnknownAddress
from parametry.show import initialization, text
from parametry.show.provenance import initializer_words, provenance_words

NORMAL = {"class": "Normal", "mean": 0.0, "stddev": 0.01}


def report(*entries: Initialized, dry_run: bool = False, **rules: int) -> Initialization:
    found = {entry.address: entry for entry in entries}
    return Initialization("initialize", "net", 7, dry_run, found, rules)


KERNEL = Initialized("dense/kernel", (4, 2), "float32", ("head/kernel",), "**/kernel", NORMAL)
BIAS = Initialized("dense/bias", (2,), "float32")
CUSTOM = Initialized("a/w", (), "float32", (), "a/*", {"class": "Mine"}, "its bits are its own")


def test_the_table_tells_rule_initializer_and_what_was_left() -> None:
    assert initialization.text(report(KERNEL, BIAS, CUSTOM, **{"**/kernel": 1}), width=110) == (
        "initialize net · 2 parameters set · 1 untouched · seed 7\n"
        "\n"
        "PARAMETER     SHAPE   INITIALIZER                    RULE\n"
        "dense/kernel  (4, 2)  Normal(mean=0.0, stddev=0.01)  **/kernel  = head/kernel\n"
        "dense/bias    (2,)    untouched\n"
        "a/w           ()      Mine                           a/*        its bits are its own"
    )


def test_a_dry_run_and_a_rule_without_effect_are_said() -> None:
    shown = repr(report(KERNEL, dry_run=True, **{"*/kernel": 0, "**/kernel": 1}))
    assert "initialize net (dry run) · 1 parameter would be set" in shown
    assert shown.endswith("'*/kernel' set nothing: later rules took all that it matches")


def test_a_long_report_is_cut_and_says_so() -> None:
    many = report(*(Initialized(f"d{n}/bias", (2,), "float32") for n in range(100)))
    shown = initialization.text(many, width=80)
    assert shown.endswith("… 40 more: to_dict() has them all")
    assert len(many.to_dict()["parameters"]) == 100
    page = many._repr_html_()
    assert "<b>bias</b>" in page
    assert page.count("<tr>") == 101


def test_the_terminal_has_the_lines_of_the_text() -> None:
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(report(KERNEL, BIAS))
    assert console.export_text().rstrip("\n") == initialization.text(
        report(KERNEL, BIAS), width=100
    )


def test_html_is_escaped_and_bounded() -> None:
    hostile = Initialized("<script>", (1,), "float32", (), "<b>", {"class": "<i>"}, "<u>")
    page = report(hostile)._repr_html_()
    assert not any(tag in page for tag in ("<script>", "<i>", "<u>"))
    endless = report(*(Initialized(f"{n}" * 80, (2,), "float32") for n in range(9000)))
    page = endless._repr_html_()
    assert len(page.encode()) <= 200_000
    assert page.count("<table") == page.count("</table") == 1


def test_the_report_is_found_by_address_and_alias() -> None:
    found = report(KERNEL, BIAS)
    assert found["head/kernel"] is found["dense/kernel"] is KERNEL
    assert list(found.touched) == ["dense/kernel"]
    assert list(found.untouched) == ["dense/bias"]
    assert [*found] == [KERNEL, BIAS]
    assert len(found) == 2
    assert "head/kernel" in found and "dense" not in found
    with pytest.raises(UnknownAddress, match="the report has no 'dense/kernal'") as caught:
        found["dense/kernal"]
    assert caught.value.hint == "nearest: dense/kernel, dense/bias"


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ({"class": "Zeros"}, "Zeros"),
        (NORMAL, "Normal(mean=0.0, stddev=0.01)"),
        (
            {
                "class": "VarianceScaling",
                "scale": 2.0,
                "mode": "fan_in",
                "distribution": "truncated_normal",
            },
            "he_normal",
        ),
        (
            {
                "class": "VarianceScaling",
                "scale": 3.0,
                "mode": "fan_in",
                "distribution": "uniform",
                "fans": "keras",
            },
            "VarianceScaling(scale=3.0, mode=fan_in, distribution=uniform), Keras's fans",
        ),
        ({}, "?"),
    ],
)
def test_an_initializer_in_one_line(plain: dict[str, Any], words: str) -> None:
    assert initializer_words(plain) == words


@pytest.mark.parametrize(
    ("provenance", "words"),
    [
        (Provenance("initialize", NORMAL, 7, "a"), "Normal(mean=0.0, stddev=0.01), seed 7"),
        (Provenance("reset", {"class": "Zeros"}), "Zeros"),
        (Provenance("load", source="net.npz"), "load: net.npz"),
        (Provenance("load"), "load"),
    ],
)
def test_provenance_stands_in_the_tables(build: Any, provenance: Provenance, words: str) -> None:
    model = build.model(parameters=[build.parameter("dense/kernel", (4, 2))])
    entry = model.parameters["dense/kernel"]
    assert provenance_words(entry) == ""
    remember(entry.native, provenance)
    assert provenance_words(entry) == words
    assert words in text.mapping(model.parameters, width=140)
    assert words in text.model(model, width=140)
