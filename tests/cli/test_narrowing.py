"""``--show`` over a report with models."""

from __future__ import annotations

import io
from typing import Any

import pytest

from parametry.cli.narrowing import narrowed, nearest_addresses
from parametry.cli.presentation import Presentation


@pytest.fixture
def two_models(build) -> Any:
    def model(units: int) -> Any:
        layer, held = build.dense("encoder/dense", 4, units)
        slot = build.parameter("adam/kernel_momentum", role="optimizer")
        shared = build.parameter("a/table", aliases=("b/table",))
        entries = [build.choice("model/units", units)]
        return build.model(
            layers=[layer],
            parameters=[*held, shared],
            optimizer=[slot],
            hyperparameters=entries,
        )

    chosen = [
        build.choice("model/units", 3),
        build.choice("model_1/units", 5),
        build.choice("optimizer/beta", 0.9, "default"),
    ]
    phases = [build.phase("fit", "fit", [build.choice("fit/epochs", 3), chosen[2]])]
    models = {"model": model(3), "model_1": model(5)}
    return build.report(hyperparameters=chosen, models=models, phases=phases)


def addresses(report: Any) -> list[str]:
    form = report.to_dict()
    kinds = ("hyperparameters", "parameters", "optimizer_parameters", "layers")
    return [address for kind in kinds for address in form[kind]]


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (["model_1/**"], [
            "model_1/units", "model_1/encoder/dense/kernel", "model_1/encoder/dense/bias",
            "model_1/a/table", "model_1/adam/kernel_momentum", "model_1/encoder/dense",
        ]),
        (["**/kernel"], ["model/encoder/dense/kernel", "model_1/encoder/dense/kernel"]),
        (["*/units"], ["model/units", "model_1/units"]),
        (["optimizer/beta"], ["optimizer/beta"]),
        (["**/*_momentum"], ["model/adam/kernel_momentum", "model_1/adam/kernel_momentum"]),
        # By its alias, a shared parameter is found too.
        (["model/b/table"], ["model/a/table"]),
        (["model/units", "model_1/*/*/bias"], ["model/units", "model_1/encoder/dense/bias"]),
    ],
)  # fmt: skip
def test_only_what_matches_is_left(two_models, patterns: list[str], left: list[str]) -> None:
    part, useless = narrowed(two_models, patterns)
    assert addresses(part) == left
    assert useless == []


def test_ties_and_phases_are_narrowed_too(two_models) -> None:
    form = narrowed(two_models, ["model_1/a/*", "fit/*"])[0].to_dict()
    assert [tie["address"] for tie in form["ties"]] == ["model_1/a/table"]
    assert list(form["phases"][0]["hyperparameters"]) == ["fit/epochs"]


def test_with_one_model_its_addresses_have_no_scope(build) -> None:
    report = build.realistic_report()
    part, useless = narrowed(report, ["dense/*", "model/dense/kernel"])
    assert list(part.to_dict()["parameters"]) == ["dense/kernel", "dense/bias"]
    assert useless == ["model/dense/kernel"]


def test_what_matches_nothing_is_told_apart_from_what_does(two_models) -> None:
    part, useless = narrowed(two_models, ["model/unitz", "optimizer/*"])
    assert addresses(part) == ["optimizer/beta"]
    assert useless == ["model/unitz"]
    assert "model/units" in nearest_addresses("model/unitz", two_models)
    assert nearest_addresses("model/encoder/dense/kernal", two_models)[0].endswith("kernel")


def shown(report: Any, *patterns: str, everything: bool = False) -> str:
    stream = io.StringIO()
    Presentation(
        stream=stream, file=None, patterns=patterns, everything=everything, quiet=False, plain=True
    ).present(report)
    return stream.getvalue()


def test_what_was_asked_for_is_shown_with_defaults(build) -> None:
    text = shown(build.realistic_report(), "optimizer/beta_*")
    assert "optimizer/beta_1" in text
    assert "optimizer/beta_2" in text
    assert "weight_decay" not in text
    assert "LAYER" not in text


def test_parameters_are_shown_by_their_addresses(build) -> None:
    text = shown(build.realistic_report(), "**/moving_mean", "adamw/dense/*")
    assert "batch_normalization/moving_mean" in text
    assert "adamw/dense/kernel_velocity" in text
    assert "train.py --epochs 3" in text


def test_a_report_says_how_to_see_the_defaults_it_counts(build) -> None:
    text = shown(build.realistic_report())
    assert "109 defaults" in text
    assert text.rstrip().endswith("--all lists defaults too, --output FILE keeps everything")
    assert "--all lists" not in shown(build.realistic_report(), everything=True)
