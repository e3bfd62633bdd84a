"""The documentation is complete: what there is it tells, and every link leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import parametry
from parametry.cli.commands import _parametry

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
_FENCE = re.compile(r"^```.*?\n(.*?)^``` *$", re.MULTILINE | re.DOTALL)


def documentation() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def code_of(text: str) -> str:
    """What stands in fences and between backticks."""
    inline = re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))
    return "\n".join([*inline, *_FENCE.findall(text)])


def is_told(name: str, text: str) -> bool:
    """Whether a name or an option stands in the text's code as a whole word."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", code_of(text)) is not None


@pytest.mark.parametrize("name", parametry.__all__)
def test_public_name_is_told(name: str) -> None:
    assert is_told(name, documentation())


def command_words() -> Iterator[str]:
    """Every command and option of ``parametry``, as click knows them."""
    waiting: list[tuple[str, click.Command]] = [("parametry", _parametry)]
    while waiting:
        path, command = waiting.pop()
        context = click.Context(command, info_name=path, **command.context_settings)
        yield path
        for option in command.get_params(context):
            if isinstance(option, click.Option):
                yield from (*option.opts, *option.secondary_opts)
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                waiting.append((f"{path} {name}", inner))


def test_commands_and_options_are_told() -> None:
    words = set(command_words())
    assert {"parametry run", "--show", "--output", "-o", "--help", "--version"} <= words
    text = documentation()
    assert sorted(word for word in words if not is_told(word, text)) == []


def told_options(text: str) -> set[str]:
    """The options that have a row in a table."""
    cells = re.findall(r"^\| (`-.*?`) \|", text, re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`(--?[a-z][a-z-]*)", cell)}


def test_no_option_is_told_that_is_not_there() -> None:
    told = told_options(documentation())
    assert {"-m", "--show"} <= told
    assert told - set(command_words()) == set()


# ---------------------------------------------------------------- links


def dead_links(page: Path) -> list[str]:
    """The page's links to files, or to headings in them, that are not there."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    dead = []
    for link in re.findall(r"\]\(([^()\s]+)\)", text):
        file, _, heading = link.partition("#")
        if re.match(r"[a-z]+:", link):  # another site
            continue
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (heading and heading not in headings(target)):
            dead.append(link)
    return dead


def headings(page: Path) -> set[str]:
    """The page's headings as GitHub and others spell them in links."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    names = re.findall(r"^#+ +(.*?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in names}


LINKED = [*PAGES, *sorted(ROOT.glob("*.md")), ROOT / "examples" / "README.md"]


@pytest.mark.parametrize("page", LINKED, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_links(page: Path) -> None:
    assert dead_links(page) == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert [p.name for p in PAGES if p.name != "index.md" and f"]({p.name})" not in index] == []


# ---------------------------------------------------------------- the tests can fail


def test_dead_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text(
        "# A `page`, it is\n[a](page.md) [b](gone.md) [c](#a-page-it-is) [d](#elsewhere)\n"
        "```python\n# not a heading, nor [a](link)\n```\n[e](../gone) "
        "[x](#not-a-heading-nor-alink)\n"
        "[f](page.md#a-page-it-is) [g](page.md#gone) [h](https://example.org/gone) [i](../docs)\n"
    )
    assert dead_links(page) == [
        "gone.md",
        "#elsewhere",
        "../gone",
        "#not-a-heading-nor-alink",
        "page.md#gone",
    ]


def test_names_count_only_in_code_and_whole() -> None:
    text = "Model `pm.Models` `--show-all`\n```console\n$ parametry runs --out\n```\n"
    assert not any(is_told(w, text) for w in ("Model", "--show", "parametry run", "--output", "-o"))
    assert all(is_told(w, text) for w in ("Models", "--show-all", "parametry runs", "--out"))


def test_options_are_read_from_tables() -> None:
    text = "`-q` and `--quiet`\n\n| `-o FILE`, `--output FILE` | as `--json` |\n| x | `--y` |\n"
    assert told_options(text) == {"-o", "--output"}
