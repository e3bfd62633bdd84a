"""A model, a mapping and a report as plain text."""

from __future__ import annotations

import subprocess
import sys

import pytest

from parametry.core.coverage import Gap
from parametry.core.hyperparameter import Change
from parametry.core.mapping import AddressMapping
from parametry.core.place import Place
from parametry.core.value import UNSET
from parametry.show import html, text
from parametry.show.detail import EVERYTHING, SELECTED
from parametry.show.printable import width


def row(shown: str, start: str) -> list[str]:
    """The words of the one line that begins with a text."""
    (found,) = [line for line in shown.splitlines() if line.strip().startswith(start)]
    return found.split()


# ---------------------------------------------------------------- a model


def test_a_model_begins_with_what_it_is_and_how_large(build) -> None:
    shown = text.model(build.realistic(), width=120).splitlines()
    assert shown[0] == "classifier · TextClassifier · keras (tensorflow)"
    assert shown[1] == "1,894,616 parameters (1,894,336 trainable, 280 state), 7.2 MiB"
    assert shown[2] == "3,788,672 in the optimizer, 14.5 MiB"


def test_layers_have_class_shape_and_count_and_parameters_below(build) -> None:
    shown = text.model(build.realistic(), width=120)
    assert row(shown, "dense_2 ") == ["dense_2", "Dense", "(None,", "64)", "4,160"]
    assert row(shown, "moving_mean") == ["moving_mean", "float32", "(128,)", "128", "state"]
    assert row(shown, "head ")[-2:] == ["uses:", "2"]
    assert row(shown, "extra ") == ["extra", "Dense", "unbuilt"]


def test_equal_blocks_are_one_row(build) -> None:
    assert row(text.model(build.realistic(), width=120), "blocks/")[:3] == [
        "blocks/{0..11}",
        "×12",
        "Block",
    ]


def test_an_alias_says_what_it_leads_to(build) -> None:
    shown = text.model(build.realistic(), width=120)
    assert "embedding/embeddings          = embedding/embeddings" in shown
    assert "embedding/embeddings = head/embedding/embeddings" in shown


def test_what_lies_below_a_shared_layer_is_not_repeated(build) -> None:
    layer = build.layer("encoder/dense", aliases=("decoder/dense",), uses=2)
    kernel = build.parameter("encoder/dense/kernel", aliases=("decoder/dense/kernel",))
    shown = text.model(build.model(layers=[layer], parameters=[kernel]), width=120)
    tree = shown.partition("TIED")[0]
    assert "= encoder/dense" in tree
    assert "= encoder/dense/kernel" not in tree


def test_layers_of_other_shapes_are_not_made_one(build) -> None:
    layers = [build.layer(f"pool_{n}", "Pool", output=[None, 64 >> n]) for n in range(3)]
    shown = text.mapping(build.layers(layers), width=120)
    assert [row(shown, f"pool_{n}")[-1] for n in range(3)] == ["64)", "32)", "16)"]


@pytest.mark.parametrize("count", [500, 501, 20_000])
def test_a_large_model_is_asked_for_few_shapes(build, count: int) -> None:
    asked: list[str] = []
    layers = [
        build.layer(f"a{number % 7}_{number}", output=[None, number], asked=asked)
        for number in range(count)
    ]
    model = build.model(layers=layers)
    for render in (text.model, html.model):
        assert "(None, 0)" in render(model)
        assert len(asked) <= 500
        asked.clear()


def test_a_shape_that_cannot_be_worked_out_does_not_stop_the_picture(build) -> None:
    def fails() -> None:
        raise RuntimeError("no shape today")

    broken = build.layer("dense")
    object.__setattr__(broken, "shapes", fails)
    assert row(text.model(build.model(layers=[broken])), "dense") == ["dense", "Dense", "?"]


def test_a_model_without_anything(build) -> None:
    assert text.model(build.model(), width=80).splitlines() == [
        "net · Net · keras (jax)",
        "no parameters",
    ]


def test_parameters_of_a_model_without_layers_have_their_whole_addresses(build) -> None:
    model = build.model(parameters=[build.parameter("a/b/kernel"), build.parameter("a/b/bias")])
    assert row(text.model(model), "a/b/kernel") == ["a/b/kernel", "float32", "(2,)", "2"]


# ---------------------------------------------------------------- hyperparameters


def test_what_was_chosen_is_shown_and_defaults_are_counted(build) -> None:
    shown = text.report(build.realistic_report(), width=160)
    assert row(shown, "optimizer/weight_decay") == [
        "optimizer/weight_decay", "0.004", "explicit", "train.py:38",
    ]  # fmt: skip
    assert row(shown, "compile/jit_compile")[1:] == ["True", "(passed", "auto)", "derived"]
    assert row(shown, "optimizer/…") == ["optimizer/…", "6", "defaults"]
    assert "beta_1" not in shown


def test_defaults_that_differ_do_not_keep_apart_what_was_chosen_alike(build) -> None:
    entries = [
        entry
        for n in range(9)
        for entry in (
            build.choice(f"model/blocks/{n}/units", 8),
            build.choice(f"model/blocks/{n}/name", f"block_{n}", "default"),
        )
    ]
    shown = text.report(build.report(hyperparameters=entries))
    assert row(shown, "model/blocks/{0..8}/units")[1:4] == ["×9", "8", "explicit"]
    assert row(shown, "model/…") == ["model/…", "9", "defaults"]


def test_names_of_layers_do_not_keep_them_apart_and_are_not_said_to_be_equal(build) -> None:
    entries = [
        build.choice(f"model/blocks/{n}/dense/{name}", value, None)
        for n in range(9)
        for name, value in (("units", 8), ("name", f"dense_{n + 4}"))
    ]
    shown = text.mapping(build.hyperparameters(entries))
    assert row(shown, "model/blocks/{0..8}/dense/name")[1:] == ["×9", "dense…"]
    named = [build.choice(f"model/blocks/{n}/name", f"{'abc'[n]}", None) for n in range(3)]
    assert row(text.mapping(build.hyperparameters(named)), "model/blocks/1/name")[1:] == ["b"]


def test_scopes_that_are_alike_are_one_with_their_defaults(build) -> None:
    entries = [
        entry
        for n in range(4)
        for entry in (
            build.choice(f"model_{n}/units", 8),
            build.choice(f"model_{n}/name", f"net_{n}", "default"),
        )
    ]
    shown = text.report(build.report(hyperparameters=[*entries, build.choice("z/a", 1, "default")]))
    assert row(shown, "model_{0..3}/units")[1:3] == ["×4", "8"]
    assert row(shown, "model_{0..3}/…")[1:] == ["4", "defaults"]
    assert row(shown, "z/…")[1:] == ["1", "default"]


def test_every_default_is_shown_when_all_is_asked_for(build) -> None:
    shown = text.report(build.realistic_report(), width=160, detail=EVERYTHING)
    assert row(shown, "optimizer/beta_1") == ["optimizer/beta_1", "0.9", "default"]
    assert "defaults" not in shown


def test_a_default_that_changed_is_no_default(build) -> None:
    change = Change(3, 0.1, 0.2, "assignment", Place("train.py", 4))
    entries = [build.choice("optimizer/momentum", 0.2, "default", changes=(change,))]
    shown = text.report(build.report(hyperparameters=entries), width=120)
    assert row(shown.partition("CHANGED")[0], "optimizer/momentum")[1] == "0.2"
    assert "train.py:4" in shown


def test_an_origin_that_is_not_known_is_not_claimed(build) -> None:
    entries = [build.choice("model/a", 1, None), build.choice("model/b", 2, "explicit")]
    shown = text.mapping(build.hyperparameters(entries))
    assert row(shown, "model/a") == ["model/a", "1", "–"]
    only = text.mapping(build.hyperparameters(entries[:1]))
    assert "ORIGIN" not in only


def test_a_small_selection_is_shown_with_its_defaults(build) -> None:
    shown = repr(build.realistic().hyperparameters.select("optimizer/**"))
    assert "optimizer/beta_1" in shown
    assert shown.splitlines()[-1] == "11 hyperparameters"


def test_a_large_mapping_is_cut_and_says_how_to_see_the_rest(build) -> None:
    entries = [build.choice(f"s{n % 3}/a{n}", n, "explicit") for n in range(900)]
    shown = repr(build.hyperparameters(entries)).splitlines()
    assert len(shown) < 75
    assert {line.split("/")[0] for line in shown[1:] if "/" in line} >= {"s0", "s1", "s2"}
    assert sum(line.split()[-1:] == ["explicit"] and "/…" in line for line in shown) == 3
    assert "select(pattern) narrows, to_dict() has all" in shown[-1]


def test_every_hidden_hyperparameter_is_counted(build) -> None:
    entries = [
        build.choice(f"model/l{n}x/{name}", n, origin)
        for n in range(500)
        for name, origin in (("a", "explicit"), ("b", "default"), ("c", "derived"))
    ]
    shown = text.mapping(build.hyperparameters(entries), width=120)
    shown_rows = sum(line.startswith("model/l") for line in shown.splitlines())
    left = [str(500 - shown_rows), "explicit,", "500", "defaults,", "500", "derived"]
    assert row(shown, "model/…") == ["model/…", *left]


def test_what_was_chosen_is_shown_before_what_nobody_knows(build) -> None:
    entries = [build.choice(f"model/l{n}x/axis", n, None) for n in range(500)]
    entries[250] = build.choice("model/head/units", 10, "explicit")
    entries[400] = build.choice("model/last/rate", 0.1, "live")
    shown = text.mapping(build.hyperparameters(entries), width=120).splitlines()
    places = [
        shown.index(next(line for line in shown if line.startswith(a)))
        for a in ("model/l0x/axis", "model/head/units", "model/last/rate")
    ]
    assert places == sorted(places)


def test_all_changes_of_one_value_are_first_and_last(build) -> None:
    changes = tuple(
        Change(step, 1 / (step + 1), 1 / (step + 2), "callbacks/schedule", None)
        for step in range(100)
    )
    entry = build.choice("optimizer/learning_rate", 0.01, "live", changes=changes)
    shown = text.mapping(build.hyperparameters([entry]), width=120)
    steps = [line.split()[1] for line in shown.splitlines() if "callbacks/schedule" in line]
    assert steps == ["0", "1", "2", "97", "98", "99"]
    assert "… 94 more" in shown


def test_a_change_that_was_not_seen_is_a_question_mark(build) -> None:
    change = Change(None, UNSET, UNSET, "assignment", None)
    entry = build.choice("optimizer/learning_rate", 0.01, "live", changes=(change,))
    shown = text.mapping(build.hyperparameters([entry]), width=120)
    assert "?     ?   assignment" in shown


# ---------------------------------------------------------------- a report


def test_a_report_begins_with_the_program_and_its_end(build) -> None:
    shown = text.report(build.report(outcome="ValueError: no such file"))
    assert shown.splitlines()[0] == "train.py · ValueError: no such file"
    assert shown.splitlines()[1] == "no model was made, and nothing was recorded"


def test_a_report_lists_layers_without_their_parameters(build) -> None:
    shown = text.report(build.realistic_report(), width=160)
    assert "LayerNormalization" in shown
    assert "moving_mean" not in shown
    assert "moving_mean" in text.report(build.realistic_report(), detail=EVERYTHING)


def test_several_models_are_each_told_apart(build) -> None:
    def model(units: int) -> object:
        layer, held = build.dense("dense", 4, units)
        return build.model(layers=[layer], parameters=held)

    models = {"model": model(3), "model_1": model(5)}
    shown = text.report(build.report(models=models), width=120)
    assert row(shown, "model_1  ")[-4:] == ["25", "25", "100", "B"]
    assert "(None, 3)" in shown
    assert "(None, 5)" in shown


def test_many_models_are_cut_and_counted(build) -> None:
    models = {f"model_{n}": build.model(layers=[build.layer("dense")]) for n in range(50)}
    shown = text.report(build.report(models=models), width=120)
    assert len(shown.splitlines()) < 60
    assert "… 35 more models" in shown
    assert "… layers of 46 more models" in shown


def test_phases_tell_what_differs_between_those_of_one_kind(build) -> None:
    shown = text.report(build.realistic_report(), width=160)
    assert row(shown, "fit  ") == ["fit", "train.py:48", "epochs=1"]
    assert row(shown, "fit_1  ") == ["fit_1", "×4", "train.py:52", "epochs=3"]
    assert row(shown, "compile  ") == ["compile", "train.py:39"]


def test_phases_of_several_models_are_compared_each_with_its_own(build) -> None:
    phases = [
        build.phase(name, "fit", [build.choice("fit/epochs", epochs)], subject=subject)
        for name, subject, epochs in [
            ("fit", "model", 1), ("fit_1", "model_1", 2), ("fit_2", "model_1", 3),
        ]
    ]  # fmt: skip
    shown = text.report(build.report(phases=phases))
    assert row(shown, "fit  ") == ["fit", "model"]
    assert row(shown, "fit_1") == ["fit_1", "model_1", "epochs=2"]
    assert row(shown, "fit_2") == ["fit_2", "model_1", "epochs=3"]


def test_a_value_that_one_phase_lacks_differs(build) -> None:
    phases = [
        build.phase("fit", "fit", [build.choice("fit/epochs", 1)]),
        build.phase("fit_1", "fit", [build.choice("fit/epochs", 1), build.choice("data/x", True)]),
    ]
    assert row(text.report(build.report(phases=phases)), "fit_1") == ["fit_1", "data/x=True"]


def test_what_could_not_be_seen_is_said_once_for_each_reason(build) -> None:
    gaps = [Gap(f"model/l{n}", "made before capture was on") for n in range(40)]
    gaps.append(Gap("fit/", "a generator tells no length"))
    shown = text.report(build.report(coverage=gaps), width=160)
    assert "model/l0, model/l1, model/l2, … 37 more: made before capture was on" in shown
    assert "fit/: a generator tells no length" in shown


def test_a_selection_is_shown_alone(build) -> None:
    shown = text.report(build.realistic_report(), width=160, detail=SELECTED)
    assert "optimizer/beta_1" in shown
    assert "NOT SEEN" not in shown
    assert "FRAMEWORK" not in shown


# ---------------------------------------------------------------- what must always hold


@pytest.mark.parametrize("columns", [20, 40, 80, 120, 200])
def test_no_line_is_wider_than_asked(build, columns: int) -> None:
    model, report = build.realistic(), build.realistic_report()
    shown = [
        text.model(model, width=columns),
        text.report(report, width=columns),
        text.report(report, width=columns, detail=EVERYTHING),
        text.mapping(model.parameters, width=columns),
        text.mapping(model.layers, width=columns),
        text.mapping(model.hyperparameters, width=columns),
    ]
    for page in shown:
        assert max(map(width, page.splitlines())) <= columns
        assert all(line == line.rstrip() for line in page.splitlines())


def test_a_narrow_terminal_still_tells_address_and_value(build) -> None:
    shown = text.report(build.realistic_report(), width=40)
    assert row(shown, "fit/epochs") == ["fit/epochs", "3"]
    assert row(shown, "optimizer/class") == ["optimizer/class", "AdamW"]


def test_an_empty_mapping_says_so(build) -> None:
    empty = build.parameters()
    assert repr(empty) == "no parameters in model 'net'"


def test_a_mapping_of_another_kind_lists_its_addresses(build) -> None:
    other = AddressMapping({f"a/{n}": build.choice(f"a/{n}", n) for n in range(100)})
    shown = repr(other).splitlines()
    assert shown[1] == "a/0"
    assert shown[-1] == "100 entries · select(pattern) narrows, to_dict() has all"


def test_native_names_are_those_of_the_mapping(build) -> None:
    entry = build.parameter("dense/kernel")
    object.__setattr__(entry, "native_name", "dense_7/kernel:0")
    assert row(repr(build.parameters([entry]).native), "dense_7/kernel:0")


def test_plain_text_needs_neither_rich_nor_a_framework() -> None:
    program = (
        "import sys\nfrom parametry.core.model import Hyperparameters\n"
        "from parametry.core.hyperparameter import Hyperparameter\n"
        "mapping = Hyperparameters({'a': Hyperparameter('a', 1)})\n"
        "assert '1 hyperparameter' in repr(mapping)\n"
        "assert '<details' in mapping._repr_html_()\n"
        "assert not {'rich', 'click', 'yaml', 'keras', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
