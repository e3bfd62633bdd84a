"""Running a program unmodified, as ``python script.py`` or ``python -m module`` would."""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import io
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parametry.capture.report import build_report
from parametry.capture.switch import enable
from parametry.core.address import nearest
from parametry.core.report import Report
from parametry.core.watch import watch
from parametry.errors import ParametryError

__all__ = ["Outcome", "ProgramMissing", "run_program"]


class ProgramMissing(ParametryError, FileNotFoundError):
    """There is no such script or module, or it cannot be read as Python."""

    __str__ = ParametryError.__str__


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended, and what was seen of it.

    Attributes:
        exit_code: What the program's process would have exited with.
        signal: The signal that ended it, such as that of Ctrl-C; else None.
        report: What capture saw; there after an exception too.
    """

    exit_code: int
    signal: int | None
    report: Report


@dataclass(frozen=True, slots=True)
class _Program:
    code: Callable[[], types.CodeType]
    file: str
    spec: importlib.machinery.ModuleSpec | None
    package: str | None
    folder: str


def run_program(target: str, arguments: Sequence[str], *, as_module: bool = False) -> Outcome:
    """Run a script or module as ``__main__`` with its own arguments, and report what it chose.

    The program's output, its exit and its traceback are its own; standard output is not written to.

    Args:
        target: A script's path (or a folder with ``__main__.py``), or a module's name.
        arguments: What the program finds in ``sys.argv[1:]``.
        as_module: Whether the target is a module's name, as for ``python -m``.

    Raises:
        ProgramMissing: There is no such program. Nothing was run.
    """
    program = _find_module(target) if as_module else _find_script(target)
    main = types.ModuleType("__main__")
    main.__file__ = program.file
    main.__spec__ = program.spec
    main.__package__ = program.package
    main.__loader__ = program.spec.loader if program.spec else None
    main.__dict__["__builtins__"] = builtins
    main.__dict__["__cached__"] = None
    argv = [program.file if as_module else target, *arguments]
    with _as_main(main, argv, program.folder):
        if not enable():
            watch.missed("capture", "PARAMETRY in the environment keeps capture off")
        exit_code, ended_by, outcome = _execute(program.code, main)
        if not watch.own_process:
            # A fork of the program that came back here ends as it is; it has nothing to report.
            _flush()
            os._exit(exit_code)
        _wait_for_threads()
        report = build_report([target, *arguments], outcome)
    return Outcome(exit_code, ended_by, report)


def _execute(
    code: Callable[[], types.CodeType], main: types.ModuleType
) -> tuple[int, int | None, str]:
    try:
        exec(code(), main.__dict__)
    except SystemExit as stop:
        exit_code = _exit_code(stop.code)
        return exit_code, None, f"exit {exit_code}" if exit_code else "finished"
    except KeyboardInterrupt as error:
        _print_exception(error)
        return 128 + signal.SIGINT, signal.SIGINT, "interrupted"
    except BaseException as error:
        _print_exception(error)
        return 1, None, f"{type(error).__name__}: {error}"
    return 0, None, "finished"


def _exit_code(code: Any) -> int:
    """What Python makes of the argument of ``sys.exit``."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if code >= 0 else code % 256
    sys.stderr.write(f"{code}\n")
    return 1


def _print_exception(error: BaseException) -> None:
    """Print the traceback as Python would have, without our own frames above the program's."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    try:
        sys.excepthook(type(error), error.with_traceback(traceback), traceback)
    except Exception:  # the program's own hook failed: Python's then
        sys.__excepthook__(type(error), error, traceback)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed, broken or replaced by the program
            continue


def _wait_for_threads() -> None:
    """Wait for the program's threads, as Python does before it exits."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            try:
                thread.join()
            except (KeyboardInterrupt, RuntimeError):
                return


@contextmanager
def _as_main(main: types.ModuleType, argv: list[str], folder: str) -> Iterator[None]:
    """Put the program in the place of ours: ``__main__``, ``sys.argv`` and ``sys.path[0]``."""
    before = sys.modules.get("__main__"), sys.argv, list(sys.path)
    sys.modules["__main__"] = main
    sys.argv = argv
    if getattr(sys.flags, "safe_path", False):
        pass
    elif sys.path:
        sys.path[0] = folder
    else:
        sys.path.append(folder)
    try:
        yield
    finally:
        if before[0] is not None:
            sys.modules["__main__"] = before[0]
        sys.argv = before[1]
        sys.path[:] = before[2]


def _find_script(target: str) -> _Program:
    path = Path(target)
    if path.is_dir():
        path = path / "__main__.py"
    if not path.is_file():
        raise ProgramMissing(f"there is no script {target!r}", hint=_near(path))
    file = str(path.absolute())
    if path.suffix == ".ipynb":
        raise ProgramMissing(
            f"{target} is a notebook, not a script",
            hint="import parametry.auto in its first cell, or: jupyter nbconvert --to script",
        )
    try:
        with io.open_code(file) as stream:
            source = stream.read()
    except OSError as error:
        raise ProgramMissing(f"{target} cannot be read: {error}") from None
    return _Program(lambda: compile(source, file, "exec"), file, None, None, str(Path(file).parent))


def _near(path: Path) -> str:
    try:
        names = [entry.name for entry in path.absolute().parent.iterdir() if entry.suffix == ".py"]
    except OSError:
        return f"the folder {path.parent} cannot be read"
    close = nearest(path.name, names)
    if close:
        return f"nearest in that folder: {', '.join(close)}"
    return "for a module's name: parametry run -m NAME"


def _find_module(name: str) -> _Program:
    if sys.path and not getattr(sys.flags, "safe_path", False):
        sys.path[0] = str(Path.cwd())
    importlib.invalidate_caches()
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except (ImportError, ValueError, AttributeError) as error:
        raise ProgramMissing(
            f"there is no module {name!r}: {error}",
            hint="its package must be installed, or lie in the working directory",
        ) from None
    code = None
    loader: Any = None if spec is None else spec.loader
    if spec is not None and hasattr(loader, "get_code"):
        code = loader.get_code(spec.name)
    if spec is None or code is None:
        raise ProgramMissing(
            f"there is no module {name!r} that can be run",
            hint=f"for a script's path: parametry run {name.replace('.', '/')}.py",
        )
    return _Program(lambda: code, spec.origin or name, spec, spec.parent, str(Path.cwd()))
