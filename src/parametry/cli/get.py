"""``parametry get``: one number of a model's file, as text or as an array's own file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parametry.cli.options import ADDRESS, CONTEXT, FILE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from parametry.core.hyperparameter import Hyperparameter
    from parametry.core.model import Model
    from parametry.core.parameter import Parameter

__all__ = ["get"]

_HELP = """Print one hyperparameter or parameter of a model's file, or write it to a .npy file.

\b
Examples:
  parametry get model.keras optimizer/learning_rate
  parametry get model.keras dense_1/bias
  parametry get model.safetensors encoder/kernel -o kernel.npy
"""


@click.command(help=_HELP, context_settings=CONTEXT)
@FILE
@ADDRESS
@click.option(
    "-o", "--output", metavar="FILE.npy", type=click.Path(), help="Write the array to it."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every value.")
def get(*, source: str, address: str, output: str | None, as_json: bool) -> int:
    """Get one number; see the help text above for what a user is told."""
    from parametry.cli.messages import UsageFault
    from parametry.cli.output import line
    from parametry.sources.inspection import inspect

    if output is not None and not output.endswith(".npy"):
        raise UsageFault(
            f"{output!r} is no name of a .npy file",
            hint=f"-o {Path(output).with_suffix('.npy')}",
        )
    model = inspect(source)
    if output is None and address in model.hyperparameters:
        line(_hyperparameter(model.hyperparameters[address], as_json))
        return 0
    array = _held(model, address).numpy()
    if output is not None:
        _write(array, output)
    else:
        line(_array(array, as_json))
    return 0


def _held(model: Model, address: str) -> Parameter:
    """The parameter, or the optimizer's slot, at an address."""
    from parametry.core.address import nearest
    from parametry.errors import UnknownAddress

    for held in (model.parameters, model.optimizer_parameters):
        if address in held:
            return held[address]
    if address in model.hyperparameters:
        raise UnknownAddress(
            f"{address!r} is a hyperparameter of {model.name}, and no array",
            hint="without -o it is printed",
        )
    known = (*model.parameters, *model.hyperparameters, *model.optimizer_parameters)
    close = nearest(address, known)
    raise UnknownAddress(
        f"{model.name} has nothing at the address {address!r}",
        hint=f"nearest: {', '.join(close)}" if close else "parametry show lists what there is",
    )


def _hyperparameter(entry: Hyperparameter, as_json: bool) -> str:
    from parametry.core.export import json_text
    from parametry.show.printable import printable
    from parametry.show.value import one_line

    if as_json:
        return json_text(entry.to_dict())
    if isinstance(entry.value, str):
        return "\n".join(map(printable, entry.value.split("\n")))
    return one_line(entry.value, 10_000)


def _array(array: NDArray[Any], as_json: bool) -> str:
    import numpy as np

    from parametry.core.export import json_text
    from parametry.core.value import to_json_value

    if as_json:
        return json_text(to_json_value(array.tolist()), indent=None)
    return str(np.array2string(array, separator=" "))


def _write(array: NDArray[Any], output: str) -> None:
    """Write an array for NumPy, which has no name for some kinds: these are widened to float32."""
    import numpy as np

    from parametry.cli import messages
    from parametry.formats.atomic import replacing

    if array.dtype.isbuiltin != 1:
        messages.say(f"parametry: {array.dtype.name} is written as float32, which NumPy knows")
        array = array.astype(np.float32)
    try:
        with replacing(output) as file:
            np.save(file, array, allow_pickle=False)
    except OSError as problem:
        raise messages.CannotWrite(output, problem) from problem
