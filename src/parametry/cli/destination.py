"""The file that a report is written to: checked before the script runs, written whole or not."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parametry.cli.messages import UsageFault
from parametry.core.report import Report
from parametry.show.detail import Detail

__all__ = ["Destination", "destination"]

_KINDS: dict[str, Literal["json", "yaml", "html", "text"]] = {
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".html": "html",
    ".txt": "text",
}


@dataclass(frozen=True, slots=True)
class Destination:
    """A file that a report can be written to.

    Attributes:
        path: Its absolute path: the script may change the working directory.
        kind: In which form.
    """

    path: Path
    kind: Literal["json", "yaml", "html", "text"]

    def write(self, report: Report, detail: Detail) -> None:
        """Write the report; what was there before stays until the new file is whole.

        Raises:
            OSError: It cannot be written; the former file is as it was.
        """
        content = self._content(report, detail)
        temporary = _beside(self.path)
        try:
            # A lone surrogate, of a file name say, has no UTF-8; JSON and YAML read the escape.
            with temporary.open("x", encoding="utf-8", errors="backslashreplace") as file:
                file.write(content)
            if self.path.exists():
                shutil.copymode(self.path, temporary)
            temporary.replace(self.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _content(self, report: Report, detail: Detail) -> str:
        if self.kind == "json":
            return report.to_json() + "\n"
        if self.kind == "yaml":
            return report.to_yaml()
        if self.kind == "html":
            from parametry.show import html

            return html.document(report.program, html.report(report))
        from parametry.show import text

        return text.report(report, width=160, detail=detail) + "\n"


def destination(output: str, *, as_json: bool) -> Destination:
    """The file that ``--output`` names, once it is sure that it can be written.

    Args:
        output: The path given.
        as_json: Whether to write JSON whatever its suffix says.

    Raises:
        UsageFault: Its suffix names no form, its folder is missing, or it cannot be written.
    """
    path = Path(output).absolute()
    kind = "json" if as_json else _KINDS.get(path.suffix.lower())
    if kind is None:
        suffixes = ", ".join(_KINDS)
        raise UsageFault(
            f"--output {output}: the suffix {path.suffix or '(none)'} names no form of report",
            hint=f"suffixes: {suffixes}; --json writes JSON to any name",
        )
    # A link's target is what has to be replaced, not the link.
    path = path.resolve()
    if path.is_dir():
        raise UsageFault(f"--output {output}: this is a folder", hint="name a file in it")
    if not path.parent.is_dir():
        raise UsageFault(
            f"--output {output}: there is no folder {path.parent}", hint=f"mkdir -p {path.parent}"
        )
    trial = _beside(path)
    try:
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise UsageFault(
            f"--output {output}: nothing can be written in {path.parent}: {reason.lower()}",
            hint="name a file in another folder",
        ) from None
    return Destination(path, kind)


def _beside(path: Path) -> Path:
    # In the same folder, since only within one file system a file takes another's place at once.
    return path.with_name(f".parametry-{os.getpid()}-{secrets.token_hex(4)}.tmp")
