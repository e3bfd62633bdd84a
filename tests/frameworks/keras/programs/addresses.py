"""Prints the addresses of models of the zoo in a fresh process, made in the order of the arguments."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import zoo  # noqa: E402

import parametry as pm  # noqa: E402

addresses = {}
imported: set[str] = set()
for name in sys.argv[1:]:
    model = zoo.CASES[name].make()
    before = set(sys.modules)
    view = pm.inspect(model)
    addresses[name] = list(view.parameters)
    view.to_dict()
    imported |= {module.partition(".")[0] for module in set(sys.modules) - before}

frameworks = {"tensorflow", "jax", "torch", "flax", "tf_keras", "keras"}
print(json.dumps({"addresses": addresses, "imported_by_inspect": sorted(imported & frameworks)}))
