"""``parametry run``: run a script unmodified, then tell every hyperparameter that it used."""

from __future__ import annotations

import signal
import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import click

from parametry.cli import messages
from parametry.cli.ending import Ending
from parametry.cli.messages import UsageFault
from parametry.cli.presentation import Presentation

if TYPE_CHECKING:
    from parametry.cli.destination import Destination
    from parametry.recording.following import Following

__all__ = ["run"]

_HELP = """Run a script unmodified, then tell every hyperparameter that it used.

The script runs as `python SCRIPT` would run it: as __main__, with its own arguments, output and
exceptions, and this command exits as it does. What follows SCRIPT or MODULE is the script's own.
The report goes to standard error, or to --output. A script that trains leaves a run in
.parametry, or in PARAMETRY_HOME: hyperparameters as they change, metrics and rates of each step.

\b
Examples:
  parametry run train.py --epochs 3
  parametry run -m package.train --epochs 3
  parametry run --show 'optimizer/**' --show '**/units' train.py
  parametry run --output report.json train.py     (.json .yaml .yml .html .txt)
  parametry run --quiet --output report.html -- train.py --quiet
  parametry run --name baseline --to tensorboard train.py; parametry show baseline
  parametry run --no-record train.py
"""


class _Run(click.Command):
    """Leaves alone what belongs to the script."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS]", "[--]", "(SCRIPT | -m MODULE)", "[ARGS]..."]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        takes_value = {
            name
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag
            for name in option.opts
        }
        try:
            return super().parse_args(ctx, _ended(args, takes_value))
        except click.UsageError as problem:
            problem.ctx = problem.ctx or ctx  # click forgets it where a value is missing
            raise


def _ended(arguments: Sequence[str], takes_value: Collection[str]) -> list[str]:
    """The arguments with ``--`` after ``-m MODULE``, where Python too stops reading options."""
    at = 0
    while at < len(arguments):
        argument = arguments[at]
        if argument == "--" or not argument.startswith("-") or argument == "-":
            break
        if argument.startswith("-m"):
            end = at + (2 if argument == "-m" else 1)
            return [*arguments[:end], *(["--"] if end <= len(arguments) else []), *arguments[end:]]
        at += 2 if argument in takes_value else 1
    return list(arguments)


@click.command(
    cls=_Run,
    help=_HELP,
    context_settings={
        "allow_interspersed_args": False,
        "help_option_names": ["-h", "--help"],
    },
)
@click.option("-m", "module", metavar="MODULE", help="Run a module, as `python -m` does.")
@click.option(
    "--show",
    "patterns",
    metavar="PATTERN",
    multiple=True,
    help="Only what matches, as 'model/**'; may be given several times.",
)
@click.option("--all", "everything", is_flag=True, help="List defaults and parameters too.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(),
    help="Write the report to a file; its suffix says how: .json .yaml .yml .html .txt",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Write JSON to --output, whatever its suffix."
)
@click.option("--quiet", is_flag=True, help="Print no report, nor that one was written.")
@click.option("--plain", is_flag=True, help="Print the report without colours; NO_COLOR does too.")
@click.option("--name", metavar="NAME", help="What to call the run that is recorded.")
@click.option(
    "--to",
    "sinks",
    metavar="TRACKER",
    multiple=True,
    help="Tell the run to a tracker too: tensorboard, mlflow, wandb.",
)
@click.option("--no-record", is_flag=True, help="Record no run.")
@click.argument("arguments", nargs=-1, type=click.Path())
def run(
    *,
    module: str | None,
    patterns: tuple[str, ...],
    everything: bool,
    output: str | None,
    as_json: bool,
    quiet: bool,
    plain: bool,
    name: str | None,
    sinks: tuple[str, ...],
    no_record: bool,
    arguments: tuple[str, ...],
) -> int:
    """Run a script and report on it; see the help text above for what a user is told."""
    target, rest = _target(module, arguments)
    _check(patterns)
    presentation = Presentation(
        stream=sys.stderr,  # as it is now: the script may put another in its place
        file=_file(output, as_json),
        patterns=patterns,
        everything=everything,
        quiet=quiet,
        plain=plain,
    )
    ending = Ending()
    from parametry.capture.script import run_program

    following = None if no_record else _following(name, sinks)
    outcome = run_program(target, rest, as_module=module is not None)
    if outcome.signal is not None:
        ending.by(outcome.signal)
    recorded = None if following is None else following.finish(outcome.report.outcome)
    try:
        presentation.present(outcome.report)
        if recorded is not None and not quiet:
            messages.say(
                f"parametry: recorded as {recorded.stem} (parametry show {recorded.stem})",
                stream=presentation.stream,
            )
    except KeyboardInterrupt:  # Ctrl-C again: the user does not want the rest
        ending.by(signal.SIGINT)
    except Exception as problem:
        messages.fault(problem, stream=presentation.stream)
    return outcome.exit_code


def _following(name: str | None, sinks: tuple[str, ...]) -> Following:
    from parametry.recording.following import Following

    following = Following(name=name, sinks=sinks)
    following.begin()
    return following


def _target(module: str | None, arguments: tuple[str, ...]) -> tuple[str, list[str]]:
    if module is not None:
        return module, list(arguments)
    if not arguments:
        raise UsageFault(
            "there is nothing to run",
            hint="parametry run SCRIPT [ARGS], or parametry run -m MODULE [ARGS]",
        )
    return arguments[0], list(arguments[1:])


def _file(output: str | None, as_json: bool) -> Destination | None:
    if output is None:
        if as_json:
            raise UsageFault(
                "--json needs --output FILE: standard output is the script's",
                hint="parametry run --output report.json SCRIPT",
            )
        return None
    from parametry.cli.destination import destination

    return destination(output, as_json=as_json)


def _check(patterns: tuple[str, ...]) -> None:
    """A pattern that cannot be read is said before the script runs for hours."""
    from parametry.core.pattern import compile_pattern

    for pattern in patterns:
        compile_pattern(pattern)
