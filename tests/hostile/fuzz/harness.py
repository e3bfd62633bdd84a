"""What the fuzzers share: the invariant, seeds from the golden files, and how a run ends.

A fuzzer gives `fuzz` a function that turns bytes into a file and reads it. Whatever the bytes are,
that ends in a value or a `FormatError`, within seconds and within half a gigabyte: libFuzzer stops
at anything else, and writes the bytes to ``crash-…``, ``timeout-…`` or ``oom-…``, in the folder
where it was started or the one that ``-artifact_prefix=`` names.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["parametry.formats", "parametry.core.strict_json"]):
    from parametry.errors import FormatError
    from parametry.formats import (  # noqa: F401  (each is instrumented when it is first imported)
        hdf5,
        hugging_face,
        keras_archive,
        keras_legacy,
        keras_sharded,
        npy,
        npz,
        safetensors,
        tensorflow_checkpoint,
        torch_file,
        torch_legacy,
        torch_tar,
        torch_zip,
    )
    from parametry.formats.contents import Contents

__all__ = ["GOLDEN", "everything", "fuzz", "reads"]

GOLDEN: Final = Path(__file__).parents[2] / "formats" / "golden"
_MOST_VALUES: Final = 1 << 20
_LIMITS: Final = ("-timeout=10", "-rss_limit_mb=2048", "-malloc_limit_mb=512", "-max_len=65536")


def reads(read: Callable[[Path], Contents], suffix: str) -> Callable[[bytes], None]:
    """A function that puts bytes into a file, and reads all that it holds.

    Args:
        read: The reader.
        suffix: The file's.
    """
    path = Path(tempfile.mkdtemp()) / f"fuzzed{suffix}"

    def target(raw: bytes) -> None:
        path.write_bytes(raw)
        everything(read(path))

    return target


def everything(contents: Contents) -> None:
    """Ask for all that a file holds."""
    model = contents.model
    contents.check()
    for mapping in (model.parameters, model.optimizer_parameters):
        for address, entry in mapping.items():
            if entry.nbytes <= _MOST_VALUES:
                entry.numpy()
                contents.view(address)
    assert len(model.layers) >= 0
    assert len(model.hyperparameters) >= 0
    model.to_dict()


def fuzz(target: Callable[[bytes], None], seeds: Iterable[bytes]) -> None:
    """Run a fuzzer with the process's arguments, libFuzzer's, and some seeds.

    Args:
        target: Reads bytes; may raise a `FormatError`.
        seeds: Small real files.
    """

    def one(raw: bytes) -> None:
        with contextlib.suppress(FormatError):
            target(raw)

    corpus = Path(tempfile.mkdtemp())
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    atheris.Setup([*sys.argv, *_LIMITS, str(corpus)], one)
    atheris.Fuzz()
