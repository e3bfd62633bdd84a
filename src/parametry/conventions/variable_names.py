"""The names of a layer's variables, which Keras's files leave out: they are stored as 0, 1, ...

The order is that of ``_trainable_variables + _non_trainable_variables``, in which
``keras.layers.Layer.save_own_variables`` stores them; the names are those that the classes give to
``add_weight``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final, NamedTuple

from parametry.conventions.names import snake_case

__all__ = ["class_of_snake_case", "is_state", "variable_names"]


class _Variable(NamedTuple):
    """A variable that a class may have: its name, the argument it hangs on, that one's default."""

    name: str
    argument: str | None = None
    default: bool = True


_BIAS = _Variable("bias", "use_bias")
_DENSE = (_Variable("kernel"), _BIAS)
_CELL = (_Variable("kernel"), _Variable("recurrent_kernel"), _BIAS)
_SCALED = (_Variable("gamma", "scale"), _Variable("beta", "center"))

_VARIABLES: Final[Mapping[str, tuple[_Variable, ...]]] = {
    "Dense": _DENSE,
    "EinsumDense": (_Variable("kernel"), _Variable("bias", "bias_axes")),
    **{f"Conv{rank}D": _DENSE for rank in (1, 2, 3)},
    **{f"Conv{rank}DTranspose": _DENSE for rank in (1, 2, 3)},
    **{f"DepthwiseConv{rank}D": _DENSE for rank in (1, 2)},
    **{
        f"SeparableConv{rank}D": (
            _Variable("depthwise_kernel"),
            _Variable("pointwise_kernel"),
            _BIAS,
        )
        for rank in (1, 2)
    },
    "LSTMCell": _CELL,
    "GRUCell": _CELL,
    "SimpleRNNCell": _CELL,
    **{f"ConvLSTM{rank}DCell": _CELL for rank in (1, 2, 3)},
    "ConvLSTMCell": _CELL,
    "Embedding": (_Variable("embeddings"),),
    "ReversibleEmbedding": (
        _Variable("embeddings"),
        _Variable("reverse_embeddings", "tie_weights", False),
    ),
    "BatchNormalization": (
        *_SCALED,
        _Variable("moving_mean"),
        _Variable("moving_variance"),
        _Variable("moving_stddev", "renorm", False),
        _Variable("renorm_mean", "renorm", False),
        _Variable("renorm_stddev", "renorm", False),
    ),
    "LayerNormalization": _SCALED,
    "GroupNormalization": _SCALED,
    "RMSNormalization": (_Variable("scale"),),
    "SpectralNormalization": (_Variable("vector_u"),),
    "Normalization": (_Variable("mean"), _Variable("variance"), _Variable("count")),
    "PReLU": (_Variable("alpha"),),
    "Attention": (
        _Variable("scale", "use_scale", False),
        _Variable("concat_score_weight", "score_mode", False),
    ),
    "AdditiveAttention": (_Variable("scale", "use_scale"),),
}
"""Class → the variables it may have, in the order in which they are stored."""

_MATRICES: Final = frozenset(
    {"kernel", "recurrent_kernel", "depthwise_kernel", "pointwise_kernel", "embeddings"}
)
# Classes without variables of their own that a name or a path may tell.
_OTHERS: Final = (
    "Activation", "Add", "AveragePooling1D", "AveragePooling2D", "Bidirectional", "Concatenate",
    "Dropout", "Flatten", "Functional", "GRU", "GaussianNoise", "GlobalAveragePooling1D",
    "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GroupQueryAttention",
    "InputLayer", "LSTM", "MaxPooling1D", "MaxPooling2D", "MultiHeadAttention", "Multiply", "RNN",
    "ReLU", "RepeatVector", "Rescaling", "Reshape", "Sequential", "SimpleRNN", "Softmax",
    "SpatialDropout1D", "StackedRNNCells", "TimeDistributed", "ZeroPadding2D", "ConvLSTM1D",
    "ConvLSTM2D", "ConvLSTM3D",
)  # fmt: skip
_BY_SNAKE_CASE: Final = {snake_case(name): name for name in (*_OTHERS, *_VARIABLES)}

_STATE: Final = frozenset(
    {
        "moving_mean",
        "moving_variance",
        "moving_stddev",
        "renorm_mean",
        "renorm_stddev",
        "vector_u",
        "running_mean",
        "running_var",
        "num_batches_tracked",
        "seed_generator_state",
    }
)


def is_state(name: str) -> bool:
    """Whether a variable of that name is state by convention: not changed by gradients.

    Example:
        >>> is_state("moving_mean"), is_state("kernel")
        (True, False)
    """
    return name in _STATE


def class_of_snake_case(name: str) -> str | None:
    """The class of Keras whose automatic names begin so, if there is one.

    Example:
        >>> class_of_snake_case("lstm_cell"), class_of_snake_case("my_block")
        ('LSTMCell', None)
    """
    return _BY_SNAKE_CASE.get(name)


def variable_names(
    class_name: str, arguments: Mapping[str, Any] | None, shapes: Sequence[tuple[int, ...]]
) -> list[str] | None:
    """The names of a layer's own variables, in the order in which they are stored.

    Args:
        class_name: The layer's class, as ``LSTMCell``.
        arguments: Its configuration; None where it is not known. Then the names are told where
            their number leaves one choice.
        shapes: The variables' shapes in the file.

    Returns:
        A name for each shape; None where the class is not known, or has variables that do not fit
        (quantized layers, a class of the user's with the name of one of Keras's).

    Example:
        >>> variable_names("Dense", {"use_bias": False}, [(4, 8)])
        ['kernel']
        >>> variable_names("LayerNormalization", None, [(8,)]) is None    # gamma or beta
        True
    """
    may_have = _VARIABLES.get(class_name)
    if may_have is None:
        return None
    if arguments is not None:
        found = [entry.name for entry in may_have if _has(class_name, entry, arguments)]
    else:
        choices = list(_choices(may_have, len(shapes)))
        found = choices[0] if len(choices) == 1 else []
    if len(found) != len(shapes):
        return None
    fits = all(len(shape) >= 2 for name, shape in zip(found, shapes, strict=True)
               if name in _MATRICES)  # fmt: skip
    return found if fits else None


def _has(class_name: str, entry: _Variable, arguments: Mapping[str, Any]) -> bool:
    if entry.argument is None:
        return True
    value = arguments.get(entry.argument, entry.default)
    if entry.argument == "score_mode":
        return bool(value == "concat")
    if entry.argument == "tie_weights":
        return not arguments.get("tie_weights", True)
    if entry.argument == "bias_axes":
        return arguments.get("bias_axes") is not None
    if class_name == "LayerNormalization" and arguments.get("rms_scaling"):
        return entry.name == "gamma"
    return bool(value)


def _choices(may_have: Sequence[_Variable], count: int) -> list[list[str]]:
    """The lists of names of that length that arguments could lead to."""
    usual = [entry for entry in may_have if entry.argument is None or entry.default]
    optional = [entry for entry in usual if entry.argument is not None]
    missing = len(usual) - count
    if missing < 0 or missing > len(optional):
        return []
    return [
        [entry.name for entry in usual if entry not in left_out]
        for left_out in combinations(optional, missing)
    ]
