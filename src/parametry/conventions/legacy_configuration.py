"""Configurations as legacy ``.h5`` files have them, as Keras writes them today.

Keras 2 tells an object's class without its module, wraps metrics by their function, and keeps
numbers as its optimizers hold them, in 32 bits. What is of Keras itself is told by its class's
name, and by the argument that it stands for; all else stays as the file has it.

Source: ``keras.src.legacy.saving.legacy_h5_format`` and ``saving_utils``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from parametry.conventions.names import automatic
from parametry.core.value import shortest

__all__ = ["inputs_renamed", "modern", "modern_training"]

_LAYERS: Final = frozenset(
    {
        "AbstractRNNCell", "Activation", "ActivityRegularization", "AdaptiveAveragePooling1D",
        "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D",
        "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "Add", "AdditiveAttention",
        "AlphaDropout", "Attention", "AugMix", "AutoContrast", "Average", "AveragePooling1D",
        "AveragePooling2D", "AveragePooling3D", "AvgPool1D", "AvgPool2D", "AvgPool3D",
        "BatchNormalization", "Bidirectional", "CategoryEncoding", "CenterCrop", "Concatenate",
        "ContrastLimitedAdaptiveHistogramEqualization", "Conv1D", "Conv1DTranspose", "Conv2D",
        "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "ConvLSTM1D", "ConvLSTM2D",
        "ConvLSTM3D", "Convolution1D", "Convolution1DTranspose", "Convolution2D",
        "Convolution2DTranspose", "Convolution3D", "Convolution3DTranspose", "Cropping1D",
        "Cropping2D", "Cropping3D", "CutMix", "Dense", "DenseFeatures", "DepthwiseConv1D",
        "DepthwiseConv2D", "Discretization", "Dot", "Dropout", "ELU", "EinsumDense",
        "Embedding", "Equalization", "Flatten", "FlaxLayer", "GRU", "GRUCell",
        "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
        "GlobalAveragePooling3D", "GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalAvgPool3D",
        "GlobalMaxPool1D", "GlobalMaxPool2D", "GlobalMaxPool3D", "GlobalMaxPooling1D",
        "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GroupNormalization", "GroupQueryAttention",
        "HashedCrossing", "Hashing", "Identity", "InputLayer", "IntegerLookup", "JaxLayer",
        "LSTM", "LSTMCell", "Lambda", "Layer", "LayerNormalization", "LeakyReLU",
        "LocallyConnected1D", "LocallyConnected2D", "Masking", "MaxNumBoundingBoxes",
        "MaxPool1D", "MaxPool2D", "MaxPool3D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D",
        "Maximum", "MelSpectrogram", "Minimum", "MixUp", "MultiHeadAttention", "Multiply",
        "Normalization", "PReLU", "Permute", "Pipeline", "RMSNormalization", "RNN",
        "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
        "RandomContrast", "RandomCrop", "RandomElasticTransform", "RandomErasing", "RandomFlip",
        "RandomGaussianBlur", "RandomGrayscale", "RandomHeight", "RandomHue", "RandomInvert",
        "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation",
        "RandomSharpness", "RandomShear", "RandomTranslation", "RandomWidth", "RandomZoom",
        "ReLU", "RepeatVector", "Rescaling", "Reshape", "Resizing", "ReversibleEmbedding",
        "STFTSpectrogram", "SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D",
        "SeparableConvolution2D", "SimpleRNN", "SimpleRNNCell", "Softmax", "Solarization",
        "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "SpectralNormalization",
        "StackedRNNCells", "StringLookup", "Subtract", "TFSMLayer", "TextVectorization",
        "ThresholdedReLU", "TimeDistributed", "TorchModuleWrapper", "UnitNormalization",
        "UpSampling1D", "UpSampling2D", "UpSampling3D", "Wrapper", "ZeroPadding1D",
        "ZeroPadding2D", "ZeroPadding3D",
    }
)  # fmt: skip
_OF_ARGUMENTS: Final = {
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
    "optimizer": "optimizers",
    "schedule": "optimizers.schedules",
    "loss": "losses",
}
_SCHEDULES: Final = frozenset(
    {
        "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay",
        "PiecewiseConstantDecay", "PolynomialDecay",
    }
)  # fmt: skip
_CUSTOM: Final = "Custom>"
_METRIC_OF_FUNCTION: Final = "MeanMetricWrapper"
_IS_LEGACY: Final = "is_legacy_optimizer"
_KERAS_3: Final = 3


def modern(config: Mapping[str, Any], keras_version: str) -> dict[str, Any]:
    """A model's configuration with the module of each class that is Keras's own.

    Args:
        config: The configuration; not changed.
        keras_version: The version that wrote it; the classes of one before 3 are ``tf_keras``'s.

    Example:
        >>> modern({"class_name": "Dense", "config": {}}, "2.4.0")["module"]
        'tf_keras.layers'
    """
    package = _package(keras_version)
    holder: list[Any] = [None]
    # Without recursion: the file says how deep it is.
    stack: list[tuple[Any, Any, Any, str]] = [(holder, 0, config, "model")]
    while stack:
        into, at, value, argument = stack.pop()
        if isinstance(value, dict):
            copy = dict(value)
            if isinstance(copy.get("class_name"), str):
                copy.update(_named(copy, argument, package))
            into[at] = copy
            stack.extend((copy, name, inner, name) for name, inner in copy.items())
        elif isinstance(value, list):
            items = into[at] = list(value)
            stack.extend((items, index, inner, argument) for index, inner in enumerate(value))
        else:
            into[at] = _as_passed(value) if isinstance(value, float) else value
    found: dict[str, Any] = holder[0]
    return found


def modern_training(training: Mapping[str, Any], keras_version: str) -> dict[str, Any]:
    """What a model was compiled with, as ``compile_config`` in a ``.keras`` file has it.

    Args:
        training: What ``training_config`` says; not changed.
        keras_version: The version that wrote it.

    Example:
        >>> modern_training({"loss": "mse", "metrics": [["mae"]]}, "2.4.0")
        {'loss': 'mse', 'metrics': ['mae']}
    """
    renamed = {
        {"optimizer_config": "optimizer"}.get(name, name): value for name, value in training.items()
    }
    found = modern(renamed, keras_version)
    for name in ("metrics", "weighted_metrics"):
        if isinstance(found.get(name), list):
            found[name] = _metrics(found[name])
    optimizer = found.get("optimizer")
    inner = optimizer.get("config") if isinstance(optimizer, dict) else None
    if isinstance(inner, dict):
        inner.pop(_IS_LEGACY, None)
    return found


def inputs_renamed(siblings: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same siblings, with the inputs of Keras 2 called as its other inputs are.

    It calls the input of a Sequential after the layer that it feeds, and ``dense_7_input`` is as
    automatic as ``dense_7`` is.

    Args:
        siblings: Name and class of each layer of one parent.

    Example:
        >>> inputs_renamed([("dense_7_input", "InputLayer"), ("dense_7", "Dense")])
        [('input', 'InputLayer'), ('dense_7', 'Dense')]
    """
    fed = {f"{name}_input" for name, class_name in siblings if automatic(name, class_name)}
    return [
        ("input" if name in fed and class_name == "InputLayer" else name, class_name)
        for name, class_name in siblings
    ]


def _package(keras_version: str) -> str:
    major = keras_version.partition(".")[0]
    is_modern = major.isascii() and major.isdigit() and len(major) < 4 and int(major) >= _KERAS_3
    return "keras" if is_modern else "tf_keras"


def _named(found: Mapping[str, Any], argument: str, package: str) -> dict[str, str]:
    """The module and class of an object of Keras's own; nothing of another."""
    name, module = found["class_name"], found.get("module")
    if isinstance(module, str):
        return {"module": package + module[5:]} if _is_of_keras(module) else {}
    if module is not None:
        return {}
    if name == "Sequential":
        return {"module": package}
    if name == "Model" and isinstance(found.get("config"), dict) and "layers" in found["config"]:
        return {"class_name": "Functional"}  # which Keras called so until 2.3
    if name in _LAYERS:
        return {"module": f"{package}.layers"}
    if name in _SCHEDULES:
        return {"module": f"{package}.optimizers.schedules"}
    section = _OF_ARGUMENTS.get(argument.rpartition("_")[2])
    if section is None or ">" in name.removeprefix(_CUSTOM):
        return {}
    if section == "optimizers" and package == "tf_keras":
        inner = found.get("config")
        if not isinstance(inner, dict) or _IS_LEGACY not in inner:
            section = "optimizers.legacy"
    elif name.startswith(_CUSTOM):
        return {}
    return {"module": f"{package}.{section}", "class_name": name.removeprefix(_CUSTOM)}


def _is_of_keras(module: str) -> bool:
    return module == "keras" or module.startswith("keras.")


def _metrics(metrics: list[Any]) -> list[Any]:
    """Metrics by the name that was passed, those of the only output without a list around them."""
    if len(metrics) == 1 and isinstance(metrics[0], list):
        metrics = metrics[0]
    return [_metric(metric) for metric in metrics]


def _metric(metric: Any) -> Any:
    if isinstance(metric, list):
        return [_metric(inner) if not isinstance(inner, list) else inner for inner in metric]
    if not isinstance(metric, dict) or metric.get("class_name") != _METRIC_OF_FUNCTION:
        return metric
    inner = metric.get("config")
    name = inner.get("name") if isinstance(inner, dict) else None
    return name if isinstance(name, str) else metric


def _as_passed(value: float) -> float:
    """The shortest decimal of a number that an object kept in 32 bits."""
    with np.errstate(over="ignore"):
        narrow = np.float32(value)
    return shortest(narrow) if float(narrow) == value else value
