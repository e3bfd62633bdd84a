"""The contract that every framework's room must keep, as tests to subclass. Needs pytest.

A new framework's tests are one class that says how its models are made and read:

    from parametry.testing import FrameworkContract

    class TestMyFramework(FrameworkContract):
        def make(self): ...
        def make_tied(self): ...
        def arrays_of(self, model): ...
        def to_numpy(self, array): ...
        def train(self, model): ...
        def state_of(self, model): ...

All that the contract asks for is public: a third party's framework, registered through the entry
point group ``parametry.frameworks``, can be held to it too.
"""

from __future__ import annotations

import pytest

# What fails in the contract is to be told as well as what fails in a test of one's own.
for _module in ("addresses", "display", "parameters", "stillness", "structure"):
    pytest.register_assert_rewrite(f"parametry.testing.{_module}")

from parametry.testing.addresses import AddressContract  # noqa: E402
from parametry.testing.display import DisplayContract  # noqa: E402
from parametry.testing.parameters import ParameterContract  # noqa: E402
from parametry.testing.stillness import StillnessContract  # noqa: E402
from parametry.testing.structure import StructureContract  # noqa: E402
from parametry.testing.subject import Subject  # noqa: E402

__all__ = [
    "AddressContract",
    "DisplayContract",
    "FrameworkContract",
    "ParameterContract",
    "StillnessContract",
    "StructureContract",
    "Subject",
]


class FrameworkContract(
    AddressContract, ParameterContract, StructureContract, StillnessContract, DisplayContract
):
    """All that is asked of a framework's room."""
