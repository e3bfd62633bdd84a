"""What a shell offers after the name of a file: the addresses of the numbers in it."""

from __future__ import annotations

from click.shell_completion import CompletionItem

__all__ = ["addresses_of"]

# A shell shows no more than a few hundred, and the next letters narrow them.
_MOST = 1_000


def addresses_of(source: str, beginning: str) -> list[CompletionItem]:
    """The addresses in a file, or a recorded run, that begin so; none where it cannot be read.

    Args:
        source: The file's path, or the run's name.
        beginning: As much of an address as was typed.
    """
    from parametry.errors import ParametryError
    from parametry.sources.inspection import inspect

    try:
        model = inspect(source)
        known = dict.fromkeys(
            (
                *model.parameters,
                *(alias for entry in model.parameters.values() for alias in entry.aliases),
                *model.hyperparameters,
                *model.optimizer_parameters,
            )
        )
    except (ParametryError, OSError):  # a shell in the middle of a line is no place for an error
        return []
    found = [address for address in known if address.startswith(beginning)]
    return [CompletionItem(address) for address in found[:_MOST]]
