"""The names of variables by class: told where one choice is left, else not."""

from __future__ import annotations

from typing import Any

import pytest

from parametry.conventions.variable_names import class_of_snake_case, is_state, variable_names

MATRIX, VECTOR = (3, 4), (4,)


@pytest.mark.parametrize(
    ("class_name", "arguments", "shapes", "names"),
    [
        ("Dense", {}, [MATRIX, VECTOR], ["kernel", "bias"]),
        ("Dense", {"use_bias": False}, [MATRIX], ["kernel"]),
        ("Dense", None, [MATRIX], ["kernel"]),
        ("Dense", {}, [MATRIX], None),
        ("Dense", None, [VECTOR], None),
        ("Dense", None, [MATRIX, VECTOR, VECTOR], None),
        ("EinsumDense", {"bias_axes": "e"}, [MATRIX, VECTOR], ["kernel", "bias"]),
        ("EinsumDense", {"bias_axes": None}, [MATRIX], ["kernel"]),
        ("LSTMCell", {}, [MATRIX, MATRIX, VECTOR], ["kernel", "recurrent_kernel", "bias"]),
        ("GRUCell", None, [MATRIX, MATRIX], ["kernel", "recurrent_kernel"]),
        (
            "BatchNormalization",
            {"scale": False},
            [VECTOR] * 3,
            ["beta", "moving_mean", "moving_variance"],
        ),
        ("BatchNormalization", None, [VECTOR] * 2, ["moving_mean", "moving_variance"]),
        ("BatchNormalization", None, [VECTOR] * 3, None),
        ("LayerNormalization", {"rms_scaling": True, "center": True}, [VECTOR], ["gamma"]),
        ("Attention", {"use_scale": True}, [()], ["scale"]),
        ("Attention", {"score_mode": "concat"}, [()], ["concat_score_weight"]),
        ("ReversibleEmbedding", {}, [MATRIX], ["embeddings"]),
        (
            "ReversibleEmbedding",
            {"tie_weights": False},
            [MATRIX, MATRIX],
            ["embeddings", "reverse_embeddings"],
        ),
        ("UsersOwn", {}, [MATRIX], None),
        ("Flatten", {}, [], None),
    ],
)
def test_names(class_name: str, arguments: Any, shapes: Any, names: Any) -> None:
    assert variable_names(class_name, arguments, shapes) == names


def test_classes_and_state() -> None:
    assert class_of_snake_case("multi_head_attention") == "MultiHeadAttention"
    assert class_of_snake_case("conv2d") == "Conv2D"
    assert class_of_snake_case("") is None
    assert is_state("moving_variance")
    assert not is_state("mean")  # which a layer of a user's may well train
