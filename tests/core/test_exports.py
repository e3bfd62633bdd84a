"""The exports of a mapping: dicts, JSON, YAML and pandas all say the same."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import pandas
import pytest
import yaml

from parametry.core.export import json_text, yaml_text
from parametry.core.hyperparameter import Change, Hyperparameter
from parametry.core.mappings import Hyperparameters
from parametry.core.place import Place
from parametry.core.value import UNSET


@pytest.fixture
def chosen(make: Any) -> Hyperparameters:
    change = Change(3, 0.1, UNSET, "callbacks/plan", Place("x.py", 9))
    return make.hyperparameters(
        [
            Hyperparameter("fit/batch_size", 32, None, "explicit", Place("/nowhere/x.py", 4)),
            Hyperparameter("fit/rate", math.inf, changes=(change,)),
            Hyperparameter("fit/weight", {0: 1.5, None: [math.nan]}, origin="default"),
            Hyperparameter("fit/name%2F1", "a\n\ud800ü<b>: #{yes}", origin="live"),
        ]
    )


EXPORTED = {
    "fit/batch_size": {
        "value": 32,
        "origin": "explicit",
        "passed": None,
        "where": "/nowhere/x.py:4",
    },
    "fit/rate": {
        "value": {"$float": "inf"},
        "origin": None,
        "changes": [
            {"step": 3, "old": 0.1, "new": None, "cause": "callbacks/plan", "where": "x.py:9"}
        ],
    },
    "fit/weight": {"value": {"0": 1.5, "null": [{"$float": "nan"}]}, "origin": "default"},
    "fit/name%2F1": {"value": "a\n\ud800ü<b>: #{yes}", "origin": "live"},
}


def test_the_same_in_every_form(chosen: Hyperparameters) -> None:
    assert chosen.to_dict() == EXPORTED
    assert list(chosen.to_dict()) == list(chosen)
    assert json.loads(chosen.to_json().encode()) == EXPORTED
    assert json.loads(chosen.to_json(indent=None)) == EXPORTED
    assert "\n" not in chosen.to_json(indent=None)
    assert yaml.safe_load(chosen.to_yaml().encode()) == EXPORTED
    assert list(yaml.safe_load(chosen.to_yaml())) == list(chosen)


def test_values_alone(chosen: Hyperparameters) -> None:
    assert chosen.values_by_address()["fit/batch_size"] == 32
    assert list(chosen.values_by_address()) == list(chosen)


def test_only_the_explicit(chosen: Hyperparameters) -> None:
    assert list(chosen.explicit()) == ["fit/batch_size"]
    assert list(chosen.select("fit/rate").explicit()) == []


def test_a_pandas_frame_has_a_row_for_each(chosen: Hyperparameters) -> None:
    frame = chosen.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.index) == list(chosen)
    assert frame.index.name == "address"
    assert frame.loc["fit/batch_size", "value"] == 32
    assert frame.loc["fit/batch_size", "origin"] == "explicit"
    assert frame.loc["fit/rate", "changes"] == EXPORTED["fit/rate"]["changes"]
    assert frame.loc["fit/weight", "value"] == EXPORTED["fit/weight"]["value"]


def test_a_pandas_frame_of_parameters_and_of_nothing(make: Any) -> None:
    frame = make.parameters(make.parameter("a"), make.parameter("b", dtype="int4")).to_pandas()
    assert list(frame["nbytes"]) == [8, 1]
    assert len(make.parameters().to_pandas()) == 0
    assert make.parameters().to_pandas().index.name == "address"


def test_without_pandas_the_error_says_what_to_do() -> None:
    program = (
        "import sys; sys.modules['pandas'] = None\n"
        "from parametry.core.model import Hyperparameters\n"
        "from parametry.errors import FrameworkMissing\n"
        "try: Hyperparameters({}).to_pandas()\n"
        "except FrameworkMissing as error: print(isinstance(error, ImportError), error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("True to_pandas() needs pandas, which is not installed\nhint: ")


@pytest.mark.parametrize(
    "text",
    [
        *("", " a ", "yes", "~", "1e3", "0x1F", "1:30", "2020-01-01", "<<", "=", "|", "a\r\nb"),
        *("\t", "\x00", "\x7f", "\x85", "\u2028", "\u202e", "\ufeff", "\uffff", "😀"),
        *("\ud800", "\udfff"),
    ],
)
def test_any_text_comes_back_from_json_and_yaml_that_was_written_to_a_file(text: str) -> None:
    for data in ({"key": text}, {text: 1}, [text]):
        assert json.loads(json_text(data).encode("utf-8")) == data
        assert json.loads(json_text(data, indent=2).encode("utf-8")) == data
        assert yaml.safe_load(yaml_text(data).encode("utf-8")) == data


def test_what_json_cannot_hold_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"value": math.nan})


def test_an_empty_mapping(make: Any) -> None:
    assert make.parameters().to_json() == "{}"
    assert yaml.safe_load(make.parameters().to_yaml()) == {}
