"""A model, a mapping and a report as HTML."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest

from parametry.core.coverage import Gap
from parametry.core.hyperparameter import Change
from parametry.show import html
from parametry.show.markup import Markup

LIMIT = 200_000
VOID = {"meta", "br"}


class Page(HTMLParser):
    """Checks that what is opened is closed, and gathers tags and text."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def read(source: str) -> Page:
    """The page, once it holds what every page must hold."""
    assert len(source.encode()) <= LIMIT
    page = Page(source)
    assert set(page.tags) <= {
        "b", "br", "code", "details", "div", "span", "style", "summary", "table", "td", "tr",
    }  # fmt: skip
    assert {name for name, _ in page.attributes} <= {"class", "open", "style", "colspan"}
    assert "http" not in source
    assert "url(" not in source
    assert "@import" not in source
    return page


def test_a_model_is_folded_and_says_what_it_holds(build) -> None:
    page = read(html.model(build.realistic()))
    assert page.tags.count("details") > 20
    for words in (
        "TextClassifier", "1,894,616 parameters", "blocks/{0..11}", "×12", "moving_mean", "state",
        "= embedding/embeddings", "uses: 2", "unbuilt", "optimizer/learning_rate", "train.py:38",
        "6 defaults", "beta_1", "0.0007 → 0.00042", "epochs=3", "its closure holds",
    ):  # fmt: skip
        assert words in page.text


def test_a_report_has_every_model(build) -> None:
    models = {"model": build.realistic(), "model_1": build.model(name="other")}
    page = read(html.report(build.report(models=models, outcome="interrupted")))
    assert "interrupted" in page.text
    assert "model_1" in page.text


@pytest.mark.parametrize("kind", ["parameters", "hyperparameters", "layers"])
def test_mappings(build, kind: str) -> None:
    page = read(getattr(build.realistic(), kind)._repr_html_())
    assert "encoder" in page.text


def test_nothing_to_show(build) -> None:
    for thing in (build.model(), build.report(), build.parameters(), build.hyperparameters()):
        read(thing._repr_html_())


HOSTILE = [
    "<script>alert(1)</script>",
    "</details></div><img src=x onerror=alert(1)>",
    "\"onmouseover='alert(1)'",
    "]]><!--",
    "&lt;b&gt;",
    "\x1b[31m\x00\u202e\ud800",
    "x" * 10_000,
    "&" * 10_000,
    "𝄞" * 10_000,
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_a_model_is_called_is_text(build, hostile: str) -> None:
    change = Change(1, hostile, hostile, hostile, None)
    entries = [
        build.choice(f"model/{hostile}", {hostile: [hostile]}, passed=hostile, changes=(change,)),
        build.choice(f"{hostile}/x", hostile, "default"),
    ]
    model = build.model(
        name=hostile,
        class_name=hostile,
        framework=hostile,
        layers=[build.layer(hostile, hostile, output={hostile: [None]}, aliases=(f"s{hostile}",))],
        parameters=[build.parameter(hostile, layer_class=hostile, aliases=("t",))],
        hyperparameters=entries,
        phases=[build.phase(hostile, "fit", entries[:1]), build.phase("fit_1", "fit")],
        gaps=[Gap(hostile, hostile)],
    )
    report = build.report(
        program=hostile,
        outcome=hostile,
        hyperparameters=entries,
        models={hostile: model},
        coverage=[Gap(hostile, hostile)],
    )
    for thing in (model, report, model.parameters, model.hyperparameters, model.layers):
        page = read(thing._repr_html_())
        assert page.text.isprintable() or "\n" in page.text
        assert hostile[:20].isprintable() is (hostile[:20] in page.text)


def test_the_limit_holds_however_much_there_is(build) -> None:
    long = "&" * 10_000
    layers = [build.layer(f"b{n // 9}/{long}{n}", long) for n in range(900)]
    parameters = [build.parameter(f"{layer.address}/{long}") for layer in layers]
    entries = [
        build.choice(f"s{n % 300}/{long}{n}", long, "default" if n % 2 else "explicit")
        for n in range(1_500)
    ]
    phases = [build.phase(f"fit_{n}{long}", "fit", [build.choice("fit/x", n)]) for n in range(999)]
    gaps = [Gap(long, f"{long}{n}") for n in range(999)]
    model = build.model(
        layers=layers, parameters=parameters, hyperparameters=entries, phases=phases, gaps=gaps
    )
    models = {f"model_{n}": model for n in range(14)}
    report = build.report(hyperparameters=entries, models=models, phases=phases, coverage=gaps)
    for thing in (model, report, model.parameters, model.hyperparameters, model.layers):
        page = read(thing._repr_html_())
        assert " more" in page.text
    assert len(html.document(long, html.report(report)).encode()) <= LIMIT


def test_what_is_left_out_is_counted(build) -> None:
    entries = [build.choice(f"model/l{n}x/{'y' * 120}", f"{n}" + "z" * 100) for n in range(3_000)]
    page = read(build.hyperparameters(entries)._repr_html_())
    shown = page.tags.count("tr") - 1
    assert 0 < shown < 3_000
    assert f"… {3_000 - shown:,} more" in page.text


def test_each_scope_gets_its_share(build) -> None:
    entries = [build.choice(f"model/l{n}x/units", n) for n in range(20_000)]
    entries.append(build.choice("optimizer/learning_rate", 0.125))
    assert "0.125" in read(build.hyperparameters(entries)._repr_html_()).text


def test_large_ones_are_quick(build) -> None:
    parameters = [build.parameter(f"b{n % 97}/d{n}/kernel", (n + 1,)) for n in range(20_000)]
    entries = [build.choice(f"model/b{n % 97}/d{n}x/units", n) for n in range(100_000)]
    model = build.model(parameters=parameters, hyperparameters=entries)
    before = time.process_time()
    read(html.model(model))
    # About 3 seconds; what must not come back is work that grows with the square.
    assert time.process_time() - before < 60


def test_a_document_is_a_whole_page(build) -> None:
    source = html.document("<a>", html.report(build.realistic_report()))
    assert source.startswith("<!doctype html>")
    assert "<title>&lt;a&gt;</title>" in source
    assert "default-src 'none'" in source
    assert "<script" not in source
    Page(source.removeprefix("<!doctype html>"))


@pytest.mark.parametrize("limit", range(0, 1200, 7))
def test_markup_never_passes_its_limit_and_closes_what_it_opens(limit: int) -> None:
    markup = Markup(limit)
    with markup.element("<div>", "</div>") as outer:
        for _ in range(9):
            with markup.share(200), markup.element("<b>", "</b>") as inner:
                if inner:
                    markup.add("<code>ä</code>")
                    markup.left_out(1_000_000)
        if outer:
            markup.left_out(1_000_000)
    assert len(str(markup).encode()) <= limit
    Page(str(markup))
