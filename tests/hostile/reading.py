"""A worker that reads files, each in a process of its own, and tells how that ended.

It imports everything once and forks for each file. The child is watched by an audit hook: whatever
Python tells of itself that reading a file has no need of is written down. Its processor time and
its memory are bounded by the system, so that a file can neither hang nor swell it.

Each line on standard input is the path of a file and its folder, as JSON; each line on standard
output what came of it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pkgutil
import re
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import numpy as np

import parametry as pm
import parametry.cli
import parametry.formats
import parametry.show
from parametry.cli.commands import invoke
from parametry.formats.registry import open_file
from parametry.show import html, terminal, text
from parametry.show.detail import EVERYTHING
from parametry.show.printable import printable

SECONDS: Final = 10
MEMORY: Final = 512 << 20
# A reader that waits uses no processor time; long, since the machine may have other work to do.
_WAITING: Final = 120
_MOST_VALUES: Final = 64 << 20
_MOST_ARRAYS: Final = 10_000
# Above it, statistics are compiled first.
_SMALL: Final = 1 << 20
_KIB: Final = 1024

# ---------------------------------------------------------------- what Python tells

# What reading does that touches nothing: told by Python, and of no harm.
_HARMLESS: Final = frozenset(
    {
        *("object.__getattr__", "object.__setattr__", "sys._getframe", "mmap.__new__"),
        *("builtins.id", "code.__new__", "function.__new__", "time.sleep"),
        *("_thread.start_new_thread", "_thread.start_joinable_thread", "fcntl.ioctl"),
    }
)
# A file of no known format is offered to the formats that installed packages register.
_REGISTERED: Final = "entry_points.txt"


def watch(home: str) -> list[str]:
    """From now on, everything that happens in this process and that reading does not need."""
    found: list[str] = []
    places = [os.path.realpath(place) for place in sys.path]

    def is_expected(event: str, given: tuple[Any, ...]) -> bool:
        if event in _HARMLESS:
            return True
        if event in ("os.listdir", "os.scandir"):
            return os.path.realpath(given[0]) in places
        if event != "open":
            return False
        path, _, flags = given
        if isinstance(path, int):  # a file that is open already
            return True
        real = Path(os.path.realpath(os.fsdecode(path)))
        is_reading = not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        is_ours = real.name == _REGISTERED or str(real) in places
        return is_reading and (is_ours or real.is_relative_to(home))

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event != "resource.setrlimit" and not is_expected(event, given):  # which is ours
            found.append(f"{event} {str(given)[:200]}")

    sys.addaudithook(hook)
    return found


# ---------------------------------------------------------------- what is done with a file


def inspect(path: str) -> pm.Model:
    """The headers, and all that is worked out of them."""
    model = pm.inspect(path)
    for mapping in (model.parameters, model.optimizer_parameters):
        for address in mapping:
            assert mapping[address].shape is not None
    for chosen in model.hyperparameters.values():
        assert chosen.value is chosen.value
    assert all(layer.native_name is not None for layer in model.layers.values())
    assert (model.ties, model.coverage, model.totals) is not None
    return model


def values(path: str) -> None:
    """The values, in each of the ways in which they are read."""
    contents = open_file(path)
    contents.check()
    left = _MOST_VALUES
    for mapping in (contents.model.parameters, contents.model.optimizer_parameters):
        for address, entry in mapping.items():
            left -= entry.nbytes
            if left < 0:
                return
            copied, view = entry.numpy(), contents.view(address)
            assert (copied.shape, copied.dtype.name) == (entry.shape, entry.dtype)
            if view is not None:
                assert np.ascontiguousarray(view).tobytes() == copied.tobytes()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Page(HTMLParser):
    """Collects what no page of ours has."""

    strange: Final = frozenset({"script", "img", "iframe", "a", "svg", "object", "link", "x"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.strange or any(name.startswith("on") for name, _ in attrs):
            self.found.append(tag)


_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


def is_plain(written: str) -> bool:
    """Whether nothing in it steers a terminal or turns text around."""
    return all(character.isprintable() or character == "\n" for character in written)


def text_of(model: pm.Model) -> Iterator[str]:
    """The model as plain text, whole; yields what is wrong with it."""
    if not is_plain(text.model(model, width=100, detail=EVERYTHING)):
        yield "text"
    if not is_plain(text.mapping(model.parameters, width=100)):
        yield "text of the parameters"


def in_colour(model: pm.Model) -> Iterator[str]:
    """The model as a terminal shows it; yields what is wrong with it."""
    for thing, kind in ((model, "model"), (model.parameters, "mapping")):
        stream = _Terminal()
        terminal.write(getattr(terminal, kind)(thing), stream)
        if not is_plain(_COLOURS.sub("", stream.getvalue())):
            yield f"terminal: {kind}"


def as_page(model: pm.Model) -> Iterator[str]:
    """The model as HTML; yields what is wrong with it."""
    page = _Page()
    written = html.model(model)
    page.feed(written)
    if page.found or not is_plain(written):
        yield f"HTML {page.found}"


def as_json(model: pm.Model) -> Iterator[str]:
    """The model as JSON; yields what is wrong with it."""
    told = model.to_json()
    if not is_plain(told):
        yield "JSON"
    json.loads(told, parse_constant=float.fromhex)  # which refuses what is no JSON


def command(*arguments: str) -> tuple[int, str]:
    """The exit code of a command, and all that it printed."""
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        code = invoke(arguments)
    return code, stream.getvalue()


def commands(path: str, model: pm.Model | None) -> Iterator[str]:
    """The commands; yields what is wrong with one."""
    expected = (3,) if model is None else (0, 1, 3)
    calls = [("show", path)]
    size = 0 if model is None else model.totals.nbytes
    if model is not None and size < _SMALL:
        calls += [("show", "--json", path), ("stats", path), ("stats", "--json", path)]
    if model is not None:
        calls += [("get", path, address) for address in list(model.parameters)[:1]]
        calls += [("get", path, address) for address in list(model.hyperparameters)[:1]]
    for arguments in calls:
        code, printed = command(*arguments)
        if code not in expected or not is_plain(printed):
            yield f"parametry {' '.join(arguments)[:300]} exits {code}: {printed[:500]!r}"


# ---------------------------------------------------------------- one file


def steps(path: str) -> Iterator[Callable[[], Any]]:
    """What is done with a file, one after the other, each within the bounds."""
    model: pm.Model | None = None

    def first() -> None:
        nonlocal model
        model = inspect(path)

    yield first
    # What was refused stays so, and a file of more arrays than that is listed alone.
    is_small = model is not None and len(model.parameters) <= _MOST_ARRAYS
    if is_small:
        yield lambda: values(path)
        for form in (text_of, in_colour, as_page, as_json):
            yield lambda form=form: list(form(model))
    if is_small or model is None:
        yield lambda: list(commands(path, model))


def bounded() -> int:
    """Bound this process's memory; returns how much it has had so far, at most."""
    status = Path("/proc/self/status").read_text()
    data = int(re.search(r"VmData:\s+(\d+)", status)[1]) * _KIB  # type: ignore[index]
    resource.setrlimit(resource.RLIMIT_DATA, (data + MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    signal.alarm(_WAITING)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB


def read(path: str, home: str) -> dict[str, Any]:
    """Do everything with a file, and tell how it ended."""
    before = bounded()
    events = watch(os.path.realpath(home))
    refusals: list[str] = []
    faults: list[str] = []
    for step in steps(path):
        spent = int(sum(os.times()[:2]))
        resource.setrlimit(resource.RLIMIT_CPU, (spent + SECONDS + 1, resource.RLIM_INFINITY))
        try:
            found = step()
            faults += found if isinstance(found, list) else []
        except pm.FormatError as error:
            refusals.append(str(error))
        except BaseException:
            faults.append(traceback.format_exc(limit=-4)[-1500:])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
    return {
        "refusals": refusals,
        "faults": faults,
        "events": events[:20],
        "memory": peak - before,
    }


def in_a_process_of_its_own(path: str, home: str) -> dict[str, Any]:
    """What `read` tells; or by which signal the system ended it."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with os.fdopen(sending, "w") as out:
                out.write(json.dumps(read(path, home)))
        finally:
            os._exit(0)
    os.close(sending)
    with os.fdopen(receiving) as told:
        answer = told.read()
    _, status = os.waitpid(child, 0)
    if answer:
        return dict(json.loads(answer))
    ended = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else "an exit"
    return {"refusals": [], "faults": [f"ended by {ended}"], "events": [], "memory": 0}


def main() -> None:
    """Read the files on the command line, so that all modules are there; then those asked for."""
    for package in (parametry.formats, parametry.cli, parametry.show):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    printable("\0")  # loads a codec
    for path in (*sys.argv[1:], __file__):  # the last one is no model
        for step in steps(path):
            with contextlib.suppress(pm.FormatError):
                step()
    for line in sys.stdin:
        path, home = json.loads(line)
        print(json.dumps(in_a_process_of_its_own(path, home)), flush=True)


if __name__ == "__main__":
    main()
