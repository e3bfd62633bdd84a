"""Prints the addresses of the models of the zoo that the arguments name, made in that order."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import zoo

import parametry as pm

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
