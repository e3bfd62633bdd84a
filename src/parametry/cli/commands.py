"""The commands by name: each is imported when it is called, and a wrong name gets a right one."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

import click

from parametry.cli import messages
from parametry.cli.messages import UsageFault
from parametry.errors import ParametryError

__all__ = ["invoke"]

_HOMES = {
    "run": "parametry.cli.run:run",
    "show": "parametry.cli.show:show",
    "get": "parametry.cli.get:get",
    "stats": "parametry.cli.stats:stats",
    "diff": "parametry.cli.diff:diff",
    "convert": "parametry.cli.convert:convert",
    "runs": "parametry.cli.runs:runs",
    "log": "parametry.cli.log:log",
    "export": "parametry.cli.export:export",
    "rm": "parametry.cli.rm:rm",
}
_SUMMARIES = {
    "run": "Run a script unmodified; tell every hyperparameter that it used.",
    "show": "Show what a model's file holds, without its framework.",
    "get": "Print one hyperparameter or parameter of a file.",
    "stats": "Show counts, extremes and quantiles of every parameter of a file.",
    "diff": "Show what two files hold differently.",
    "convert": "Write a model's file in another format.",
    "runs": "List the recorded runs.",
    "log": "Show how one number went over a run, and why it changed.",
    "export": "Write a run as a file, or tell it to another tracker.",
    "rm": "Delete recorded runs.",
}

_HELP = """Every number in a deep-learning model: its address, value, origin and history.

\b
Examples:
  parametry run train.py --epochs 3          the script as it is, then a report
  parametry run --all train.py               the report with every default
  parametry run --show 'optimizer/**' train.py
  parametry run --output report.html train.py
  parametry run -m package.train --epochs 3
  parametry show model.keras                 what is in a file, without its framework
  parametry stats --nonfinite model.pt       NaN and infinities, and where
  parametry diff monday.keras friday.safetensors

\b
In Python:
  import parametry as pm
  model = pm.inspect(net)
  model.hyperparameters["optimizer/learning_rate"].value
"""

_EPILOG = """\b
Exit codes: 0 fine, 1 a finding (`diff`, `stats --nonfinite`), 2 usage, 3 unreadable,
4 nothing matched; `run` exits as the script does.
Completion: eval "$(_PARAMETRY_COMPLETE=bash_source parametry)"    (or zsh_source, fish_source)
"""


class _Commands(click.Group):
    """Knows the commands by name, and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        home = _HOMES.get(cmd_name)
        if home is None:
            return None
        module, _, name = home.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # Click would import every command for its summary.
        with formatter.section("Commands"):
            formatter.write_dl(list(_SUMMARIES.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _HOMES and not name.startswith("-"):
            raise UsageFault(f"there is no command {name!r}", hint=_meant(name))
        return super().resolve_command(ctx, args)


def _meant(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, _HOMES, n=1)
    if close:
        return f"did you mean: parametry {close[0]}"
    if name.endswith(".py"):
        return f"did you mean: parametry run {name}"
    if Path(name).is_file():
        return f"did you mean: parametry show {name}"
    return f"commands: {', '.join(_HOMES)}; parametry --help shows examples"


@click.group(
    cls=_Commands,
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="parametry", message="%(prog)s %(version)s")
@click.pass_context
def _parametry(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def invoke(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name, and say in one way whatever goes wrong.

    Args:
        arguments: What follows ``parametry``.

    Returns:
        The exit code.
    """
    try:
        code = _parametry.main(list(arguments), prog_name="parametry", standalone_mode=False)
    except ParametryError as problem:
        messages.error(problem.message, problem.hint)
        return messages.exit_code(problem)
    except click.ClickException as problem:
        messages.error(*_in_our_words(problem))
        return problem.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Exception as problem:
        messages.fault(problem)
        return messages.FAULT_OF_PARAMETRY
    return code if isinstance(code, int) else 0


def _in_our_words(problem: click.ClickException) -> tuple[str, str | None]:
    if isinstance(problem, click.NoSuchOption):
        message = f"there is no option {problem.option_name}"
        close = sorted(problem.possibilities or [])
        if close:
            return message, f"did you mean: {' or '.join(close)}"
    else:
        message = problem.format_message()
        message = message[:1].lower() + message[1:].rstrip(".")
    path = problem.ctx.command_path if isinstance(problem, click.UsageError) and problem.ctx else ""
    return message, f"{path or 'parametry'} --help shows how it is called"
