"""Where Keras's classes keep the arguments they were given, and what their variables declare.

Most keep an argument under its own name; these tables hold the exceptions, by class name.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "HIDDEN_ARGUMENTS",
    "INTERNAL_ARGUMENTS",
    "KEPT_AS",
    "KERAS_ATTRIBUTES",
    "NOT_KEPT",
    "declared_names",
]

KEPT_AS: Final[dict[tuple[str, str], str]] = {
    ("EinsumDense", "output_shape"): "partial_output_shape",
    ("SimpleRNN", "seed"): "cell.seed",
    ("LSTM", "seed"): "cell.seed",
    ("GRU", "seed"): "cell.seed",
    ("LSTM", "implementation"): "cell.implementation",
    ("GRU", "implementation"): "cell.implementation",
    ("BaseRandomLayer", "rng_type"): "_random_generator._rng_type",
    ("ConvLSTM1D", "seed"): "cell.seed",
    ("ConvLSTM2D", "seed"): "cell.seed",
    ("ConvLSTM3D", "seed"): "cell.seed",
    ("MultiHeadAttention", "activity_regularizer"): "_activity_regularizer",
    ("Normalization", "mean"): "input_mean",
    ("Normalization", "variance"): "input_variance",
    ("LossScaleOptimizer", "initial_scale"): "initial_scale",
    ("L2", "l2"): "l2",
    ("Bidirectional", "layer"): "forward_layer",
    ("IndexLookup", "vocabulary"): "input_vocabulary",
    ("IndexLookup", "idf_weights"): "input_idf_weights",
    ("TextVectorization", "ngrams"): "_ngrams_arg",
    ("TextVectorization", "vocabulary"): "_lookup_layer.input_vocabulary",
    ("TextVectorization", "idf_weights"): "_lookup_layer.input_idf_weights",
    ("TextVectorization", "pad_to_max_tokens"): "_lookup_layer.pad_to_max_tokens",
    ("TextVectorization", "sparse"): "_lookup_layer.sparse",
}
"""(class, argument) → the attribute that keeps it; dots go into sub-objects."""

NOT_KEPT: Final[frozenset[tuple[str, str]]] = frozenset(
    {
        ("Layer", "weights"),
        ("InputLayer", "input_tensor"),
        ("Sequential", "layers"),
        ("Functional", "inputs"),
        ("Functional", "outputs"),
        ("AdditiveAttention", "score_mode"),
    }
)
"""Arguments whose namesake attribute is something else."""

INTERNAL_ARGUMENTS: Final[frozenset[str]] = frozenset({"rank", "pool_dimensions", "pool_mode"})
"""Arguments of Keras's own base classes that its leaf classes fix."""

HIDDEN_ARGUMENTS: Final[dict[str, tuple[str, ...]]] = {
    "GRU": ("implementation",),
    "GRUCell": ("implementation",),
    "LSTM": ("implementation",),
    "LSTMCell": ("implementation",),
    "LayerNormalization": ("rms_scaling",),
}
"""Arguments that a constructor takes out of its ``**kwargs``, by class."""

# fmt: off
KERAS_ATTRIBUTES: Final[frozenset[str]] = frozenset(
    {
        "_auto_config", "_buffers", "_build_shapes_dict", "_called", "_compile_config",
        "_compile_loss", "_compile_metrics", "_distribute_strategy", "_functional",
        "_inbound_nodes", "_initial_epoch", "_input_spec", "_jit_compile", "_layers",
        "_lock", "_loss_ids", "_loss_tracker", "_losses", "_metrics", "_modules", "_nodes",
        "_non_trainable_variables", "_outbound_nodes", "_parameters", "_parent_path",
        "_path", "_remat_mode", "_run_eagerly", "_seed_generators", "_tracked", "_tracker",
        "_trainable_variables", "build", "built", "call_signature_parameters", "compiled",
        "history", "inputs", "layers", "loss", "losses", "metrics", "optimizer", "outputs",
        "predict_function", "quantize", "steps_per_execution", "stop_training",
        "supports_jit", "test_function", "train_function", "training",
        "unrolled_steps_per_execution", "variables", "weights"
    }
)
# fmt: on
"""What Keras itself keeps on its layers and models, whatever a user's class was given."""

_DECLARING_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "embeddings": ("embeddings",),
    "gamma": ("gamma",),
    "beta": ("beta",),
    "moving_mean": ("moving_mean",),
    "moving_variance": ("moving_variance",),
    "alpha": ("alpha",),
    "depthwise_kernel": ("depthwise",),
    "pointwise_kernel": ("pointwise",),
    "recurrent_kernel": ("recurrent",),
    "recurrent_bias": ("bias",),
    "lora_kernel_a": ("lora_a",),
    "lora_kernel_b": ("lora_b",),
    "kernel": ("kernel", "depthwise", "embeddings"),
    "position_embeddings": ("embeddings",),
}


def declared_names(variable: str, what: str) -> tuple[str, ...]:
    """The layer's attributes that may declare something of a variable, likeliest first.

    Args:
        variable: The variable's name, as ``recurrent_kernel``.
        what: ``initializer``, ``regularizer`` or ``constraint``.

    Example:
        >>> declared_names("recurrent_kernel", "initializer")
        ('recurrent_initializer', 'recurrent_kernel_initializer')
    """
    stems = _DECLARING_NAMES.get(variable, ())
    return tuple(dict.fromkeys([*(f"{stem}_{what}" for stem in stems), f"{variable}_{what}"]))
