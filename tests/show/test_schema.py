"""The one JSON form is what its published schema says."""

from __future__ import annotations

import importlib.resources
import json
import math
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml

from parametry.core.coverage import Gap
from parametry.core.hyperparameter import Change
from parametry.core.model import SCHEMA
from parametry.core.place import Place
from parametry.core.provenance import Provenance, remember
from parametry.core.value import UNSET


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(
        importlib.resources.files("parametry.core").joinpath("schema.json").read_text()
    )


@pytest.fixture(scope="module")
def validator(schema) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_schema_is_that_of_this_version(schema) -> None:
    assert schema["$id"] == SCHEMA
    for kind in ("model", "report"):
        assert schema["$defs"][kind]["properties"]["schema"] == {"const": SCHEMA}


def everything(build) -> Any:
    """A model with everything that the form can hold."""
    changes = (
        Change(None, UNSET, 0.5, "assignment", Place("train.py", 3)),
        Change(9, 0.5, math.nan, "callbacks/x", None),
    )
    entries = [
        build.choice("model/units", 3, "explicit", 4),
        build.choice("model/rate", 0.1, "live", passed=None, changes=changes),
        build.choice("model/a%2Fb/%/ä", [1, [2.5, None], {"k": True}], None),
        build.choice("fit/x", np.zeros((2, 3)), "default"),
        build.choice("fit/big", np.zeros(1 << 20), "default"),
        build.choice("fit/long", "y" * 70_000),
        build.choice("fit/list", list(range(20_000))),
        build.choice("fit/bytes", b"abc"),
        build.choice("fit/object", object()),
        build.choice("fit/range", range(3)),
        build.choice("fit/complex", 1 + 2j),
        build.choice("fit/infinite", [math.inf, -math.inf, math.nan]),
        build.choice("fit/keys", {None: 1, True: 2, 3: 4, 2.5: 5}),
        build.choice("fit/odd", {"$schema": "x", "$ref": 3}),
        build.choice("script/token", {"$withheld": "secret"}),
    ]
    model = build.model(
        layers=[
            build.layer("a", output=[None, 3], aliases=("b",), uses=2),
            build.layer("c", built=False),
            build.layer("d", output=[[None, 3], {"x": [4]}]),
        ],
        parameters=[
            build.parameter("a/kernel", (3, 4), aliases=("b/kernel",),
                            declared={"initializer": {"class": "GlorotUniform", "seed": None}}),
            build.parameter("root", (), layer="", dtype="bfloat16", role="frozen"),
            build.parameter("a/seed", (2,), role="state", dtype="uint32"),
        ],
        optimizer=[build.parameter("adam/a_momentum", role="optimizer")],
        hyperparameters=entries,
        phases=[
            build.phase("fit", "fit", entries[:3], 7, 2),
            build.phase("train", "train"),
        ],
        gaps=[Gap("fit/", "capture was off")],
    )  # fmt: skip
    made = {"class": "Normal", "mean": 0.0, "value": {"$array": "ndarray", "shape": [2],
                                                      "dtype": "float32"}}  # fmt: skip
    remember(model.parameters["root"].native, Provenance("initialize", made, 3, "root", "**"))
    remember(model.parameters["a/seed"].native, Provenance("load", source="net.safetensors"))
    return model


def forms(build) -> list[Any]:
    model = everything(build)
    one = build.report(
        hyperparameters=model.hyperparameters.values(),
        models={"model": model},
        phases=model.phases.values(),
        coverage=model.coverage,
    )
    two = build.report(models={"model": model, "model_1": build.realistic()})
    return [model, one, two, build.model(), build.report(), build.realistic()]


@pytest.mark.parametrize("index", range(6))
def test_every_form_is_valid(build, validator, index: int) -> None:
    thing = forms(build)[index]
    validator.validate(json.loads(thing.to_json()))
    validator.validate(yaml.safe_load(thing.to_yaml()))


def damaged(form: dict[str, Any]) -> list[dict[str, Any]]:
    def copy() -> dict[str, Any]:
        return json.loads(json.dumps(form))

    out = []
    for path, value in [
        (("kind",), "modle"),
        (("schema",), "parametry/0"),
        (("extra",), 1),
        (("hyperparameters", "model/units", "origin"), "guessed"),
        (("hyperparameters", "model/units", "extra"), 1),
        (("hyperparameters", "model/units", "where"), "train.py"),
        (("hyperparameters", "/x"), {"value": 1, "origin": None}),
        (("hyperparameters", "a\nb"), {"value": 1, "origin": None}),
        (("hyperparameters", "fit/x", "value", "shape"), "three"),
        (("hyperparameters", "fit/bytes", "value", "sha256"), "00"),
        (("hyperparameters", "fit/infinite", "value", 0, "$float"), "many"),
        (("parameters", "a/kernel", "shape"), [-1]),
        (("parameters", "a/kernel", "role"), "optimizer"),
        (("parameters", "a/kernel", "values"), [1.0]),
        (("parameters", "root", "provenance", "action"), "guess"),
        (("parameters", "root", "provenance", "seed"), 0.5),
        (("parameters", "root", "provenance", "who"), "me"),
        (("optimizer_parameters", "adam/a_momentum", "role"), "state"),
        (("layers", "a", "uses"), -1),
        (("layers", "a", "output_shape"), "x"),
        (("ties",), {}),
        (("phases", 0, "kind"), "dance"),
        (("phases", 0, "times"), 0),
        (("coverage", 0, "reason"), None),
        (("totals", "trainable"), 1.5),
    ]:
        bad = copy()
        place: Any = bad
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        out.append(bad)
    for key in form:
        bad = copy()
        del bad[key]
        out.append(bad)
    return out


def test_what_is_not_of_the_form_is_refused(build, validator) -> None:
    form = json.loads(everything(build).to_json())
    assert validator.is_valid(form)
    for bad in damaged(form):
        assert not validator.is_valid(bad)


def test_every_definition_is_used_and_described(schema) -> None:
    used = json.dumps(schema)
    for name in schema["$defs"]:
        assert f'"#/$defs/{name}"' in used, f"{name} is never used"
    for name in ("model", "report"):
        for field, inner in schema["$defs"][name]["properties"].items():
            assert "description" in inner or "$ref" in inner or "const" in inner, field
