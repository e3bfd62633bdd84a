"""Presenting a report: in a file, in colour, or as plain text, as was asked for."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

from parametry.cli import messages
from parametry.cli.output import columns, in_colour

if TYPE_CHECKING:
    from parametry.cli.destination import Destination
    from parametry.core.report import Report
    from parametry.show.detail import Detail

__all__ = ["Presentation"]


@dataclass(frozen=True, slots=True)
class Presentation:
    """What a user wants of a report.

    Attributes:
        stream: Where to print; None if standard error was closed from the start.
        file: The file to write to instead, if any.
        patterns: What to narrow the report to; none for all of it.
        everything: Whether to list defaults and parameters too.
        quiet: Whether to print nothing but errors.
        plain: Whether to print without colours.
    """

    stream: IO[str] | None
    file: Destination | None
    patterns: tuple[str, ...]
    everything: bool
    quiet: bool
    plain: bool

    def present(self, report: Report) -> None:
        """Write or print the report."""
        if self.patterns:
            report = self._narrowed(report)
        if self.file is None:
            if not self.quiet:
                self._print(report)
        elif self._is_written(report, self.file) and not self.quiet:
            messages.say(f"parametry: the report is in {self.file.path}", stream=self.stream)

    def _narrowed(self, report: Report) -> Report:
        from parametry.cli.narrowing import narrowed, nearest_addresses

        part, useless = narrowed(report, self.patterns)
        for pattern in useless:
            near = ", ".join(nearest_addresses(pattern, report))
            hint = f"nearest: {near}" if near else "without --show, the report has all addresses"
            messages.error(f"--show {pattern!r} matches nothing", hint, stream=self.stream)
        return part

    def _is_written(self, report: Report, file: Destination) -> bool:
        from parametry.cli.progress import progress

        try:
            with progress(f"writing {file.path.name}", self.stream):
                file.write(report, self._detail())
        except OSError as problem:
            # The script may have run for hours: what it chose must not be lost with the file.
            reason = (problem.strerror or str(problem)).lower()
            hint = "the report is printed instead"
            messages.error(f"{file.path} cannot be written: {reason}", hint, stream=self.stream)
            self._print(report)
            return False
        return True

    def _print(self, report: Report) -> None:
        # What the script printed comes first; if that fails, Python itself says so when it ends.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
        messages.say("", stream=self.stream)
        if self.stream is None or self.stream.closed:
            return
        if in_colour(self.stream, self.plain):
            from parametry.show import terminal

            page = terminal.report(report, detail=self._detail())
            try:
                terminal.write(page, self.stream)
            except OSError:
                messages.forget(self.stream)
        else:
            from parametry.show import text

            shown = text.report(report, width=columns(self.stream), detail=self._detail())
            messages.say(shown, stream=self.stream)

    def _detail(self) -> Detail:
        from parametry.show.detail import BRIEF, EVERYTHING, SELECTED

        detail = EVERYTHING if self.everything else SELECTED if self.patterns else BRIEF
        return replace(detail, hint="--all lists defaults too, --output FILE keeps everything")
