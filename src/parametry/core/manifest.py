"""The manifest: what a file of ours says beside its arrays, as one JSON document.

Frameworks' own formats hold arrays and their names. What makes the arrays a model again (which
addresses are one array, which are frozen, where the first values came from, what was chosen) stands
in the manifest: the metadata of a safetensors file, a member ``parametry.json`` of an archive.

Reading one trusts nothing: every entry is checked, and what is not as expected is a `FormatError`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parametry.core.provenance import Provenance
from parametry.core.tie import Tie

__all__ = ["KEY", "MEMBER", "VERSION", "Manifest"]

VERSION = 1
KEY = "parametry"
"""Under what the manifest stands in a file's metadata."""
MEMBER = "parametry.json"
"""What the manifest's member of an archive is called."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file of ours says beside its arrays.

    Attributes:
        name: The model's own name.
        class_name: Its class, qualified.
        framework: What it was saved from, as ``keras (jax)``.
        roles: The role of each parameter by address: ``trainable``, ``frozen``, ``state``.
        layers: The class of the layer that holds each parameter, by the layer's address.
        ties: Addresses that are one array, which the file holds once, at the first of them.
        provenance: Where initial values came from, by address.
        hyperparameters: What was chosen, by address, each as `Hyperparameter.to_dict` gives it.
        names: What the file calls a parameter, by address, where the format has its own names.
        structure: What a framework's own configuration loses, as plain data, by the address of the
            holder: ``{"": {"layers": ["flatten", "dense", "dense"]}}`` for a layer that a
            Sequential uses twice.
        dtypes: The dtype of each array, by address, that the format has no name for: its bits are
            stored as another dtype of the same size. Writers fill it in.
    """

    name: str = ""
    class_name: str = ""
    framework: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, str] = field(default_factory=dict)
    ties: tuple[Tie, ...] = ()
    provenance: Mapping[str, Provenance] = field(default_factory=dict)
    hyperparameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    structure: Mapping[str, Any] = field(default_factory=dict)
    dtypes: Mapping[str, str] = field(default_factory=dict)

    @property
    def frozen(self) -> tuple[str, ...]:
        """The addresses of frozen parameters."""
        return tuple(address for address, role in self.roles.items() if role == "frozen")

    def to_dict(self) -> dict[str, Any]:
        """The manifest as JSON-ready data."""
        return {
            "version": VERSION,
            "name": self.name,
            "class": self.class_name,
            "framework": self.framework,
            "roles": dict(self.roles),
            "layers": dict(self.layers),
            "ties": [tie.to_dict() for tie in self.ties],
            "provenance": {at: found.to_dict() for at, found in self.provenance.items()},
            "hyperparameters": {at: dict(found) for at, found in self.hyperparameters.items()},
            "names": dict(self.names),
            "structure": dict(self.structure),
            "dtypes": dict(self.dtypes),
        }

    def to_json(self) -> str:
        """The manifest as JSON text without line breaks."""
        return json.dumps(self.to_dict(), allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes, *, path: object = None) -> Manifest:
        """The manifest that JSON text holds.

        Every entry is checked. A key that is not known is passed over, so that a later version may
        add some.

        Args:
            text: What `to_json` gave, or what a stranger put in its place.
            path: The file that it stands in, for messages.

        Raises:
            FormatError: It is no manifest, or one of a later version.

        Example:
            >>> Manifest.from_json('{"version": 1, "roles": {"dense/bias": "frozen"}}').frozen
            ('dense/bias',)
        """
        from parametry.core.manifest_reading import manifest_fields

        return cls(**manifest_fields(text, VERSION, path))
