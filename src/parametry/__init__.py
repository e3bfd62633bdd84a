"""Every number in a deep-learning model: its address, value, origin and history.

    >>> import parametry as pm
    >>> model = pm.inspect(net)                                     # doctest: +SKIP
    >>> model.hyperparameters["optimizer/learning_rate"].value      # doctest: +SKIP
    0.001
    >>> model.parameters["dense/kernel"].numpy()                    # doctest: +SKIP

Importing parametry imports no framework and changes nothing; ``import parametry.auto`` turns
capture on.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from parametry._version import __version__

if TYPE_CHECKING:
    from parametry.actions.convert import convert
    from parametry.actions.freeze import freeze, unfreeze
    from parametry.actions.initialize import initialize
    from parametry.actions.load import load
    from parametry.actions.load_model import load_model
    from parametry.actions.reset import reset
    from parametry.actions.save import save
    from parametry.actions.stats import stats
    from parametry.actions.tie import tie, untie
    from parametry.core.address import escape
    from parametry.core.coverage import Gap
    from parametry.core.difference import Difference
    from parametry.core.hyperparameter import Change, Hyperparameter
    from parametry.core.initialization import Initialization, Initialized
    from parametry.core.layer import Layer
    from parametry.core.load_report import LoadReport
    from parametry.core.mappings import Hyperparameters, Layers, Parameters
    from parametry.core.model import Model, Totals
    from parametry.core.moments import Moments
    from parametry.core.parameter import Parameter
    from parametry.core.phase import Phase, Phases
    from parametry.core.place import Place
    from parametry.core.provenance import Provenance
    from parametry.core.statistics import ArrayStatistics, Distribution, Sketch, Statistics
    from parametry.core.tie import Tie
    from parametry.core.value import UNSET
    from parametry.errors import (
        AssignmentError,
        DtypeMismatch,
        FormatError,
        FrameworkMissing,
        LoadError,
        NotAModel,
        NotBuilt,
        NothingMatched,
        NotSupported,
        ParametryError,
        PatternError,
        RuleError,
        RunMissing,
        ShapeMismatch,
        SinkError,
        SourceMissing,
        StoreError,
        TieError,
        UnknownAddress,
        UnknownFormat,
        UnknownSink,
        ValueUnavailable,
    )
    from parametry.initializers.constants import constant, identity, ones, zeros
    from parametry.initializers.delta import dirac
    from parametry.initializers.distributions import normal, truncated_normal, uniform
    from parametry.initializers.lsuv import lsuv
    from parametry.initializers.orthogonal import orthogonal
    from parametry.initializers.scaling import (
        glorot_normal,
        glorot_uniform,
        he_normal,
        he_uniform,
        lecun_normal,
        lecun_uniform,
        variance_scaling,
    )
    from parametry.initializers.sparsity import sparse
    from parametry.recording.export import export
    from parametry.recording.loop import Loop
    from parametry.recording.recorder import Recorder
    from parametry.recording.run import Run
    from parametry.recording.runs import Runs, runs
    from parametry.recording.series import Point, Series
    from parametry.recording.sinks.mlflow import MLflow
    from parametry.recording.sinks.registry import Sink
    from parametry.recording.sinks.tensorboard import TensorBoard
    from parametry.recording.sinks.wandb import WandB
    from parametry.recording.starting import record, recorded
    from parametry.sources.comparison import diff
    from parametry.sources.inspection import inspect

_HOMES = {
    "parametry.actions.convert": ["convert"],
    "parametry.actions.freeze": ["freeze", "unfreeze"],
    "parametry.actions.initialize": ["initialize"],
    "parametry.actions.load": ["load"],
    "parametry.actions.load_model": ["load_model"],
    "parametry.actions.reset": ["reset"],
    "parametry.actions.save": ["save"],
    "parametry.actions.stats": ["stats"],
    "parametry.actions.tie": ["tie", "untie"],
    "parametry.core.address": ["escape"],
    "parametry.core.coverage": ["Gap"],
    "parametry.core.difference": ["Difference"],
    "parametry.core.hyperparameter": ["Change", "Hyperparameter"],
    "parametry.core.initialization": ["Initialization", "Initialized"],
    "parametry.core.layer": ["Layer"],
    "parametry.core.load_report": ["LoadReport"],
    "parametry.core.mappings": ["Hyperparameters", "Layers", "Parameters"],
    "parametry.core.model": ["Model", "Totals"],
    "parametry.core.moments": ["Moments"],
    "parametry.core.parameter": ["Parameter"],
    "parametry.core.phase": ["Phase", "Phases"],
    "parametry.core.place": ["Place"],
    "parametry.core.provenance": ["Provenance"],
    "parametry.core.statistics": ["ArrayStatistics", "Distribution", "Sketch", "Statistics"],
    "parametry.core.tie": ["Tie"],
    "parametry.core.value": ["UNSET"],
    "parametry.errors": [
        "AssignmentError",
        "DtypeMismatch",
        "FormatError",
        "FrameworkMissing",
        "LoadError",
        "NotAModel",
        "NotBuilt",
        "NotSupported",
        "NothingMatched",
        "ParametryError",
        "PatternError",
        "RuleError",
        "RunMissing",
        "ShapeMismatch",
        "SinkError",
        "SourceMissing",
        "StoreError",
        "TieError",
        "UnknownAddress",
        "UnknownFormat",
        "UnknownSink",
        "ValueUnavailable",
    ],
    "parametry.initializers.constants": ["constant", "identity", "ones", "zeros"],
    "parametry.initializers.delta": ["dirac"],
    "parametry.initializers.distributions": ["normal", "truncated_normal", "uniform"],
    "parametry.initializers.lsuv": ["lsuv"],
    "parametry.initializers.orthogonal": ["orthogonal"],
    "parametry.initializers.scaling": [
        "glorot_normal",
        "glorot_uniform",
        "he_normal",
        "he_uniform",
        "lecun_normal",
        "lecun_uniform",
        "variance_scaling",
    ],
    "parametry.initializers.sparsity": ["sparse"],
    "parametry.recording.export": ["export"],
    "parametry.recording.loop": ["Loop"],
    "parametry.recording.recorder": ["Recorder"],
    "parametry.recording.run": ["Run"],
    "parametry.recording.runs": ["Runs", "runs"],
    "parametry.recording.series": ["Point", "Series"],
    "parametry.recording.sinks.mlflow": ["MLflow"],
    "parametry.recording.sinks.registry": ["Sink"],
    "parametry.recording.sinks.tensorboard": ["TensorBoard"],
    "parametry.recording.sinks.wandb": ["WandB"],
    "parametry.recording.starting": ["record", "recorded"],
    "parametry.sources.comparison": ["diff"],
    "parametry.sources.inspection": ["inspect"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "UNSET",
    "ArrayStatistics",
    "AssignmentError",
    "Change",
    "Difference",
    "Distribution",
    "DtypeMismatch",
    "FormatError",
    "FrameworkMissing",
    "Gap",
    "Hyperparameter",
    "Hyperparameters",
    "Initialization",
    "Initialized",
    "Layer",
    "Layers",
    "LoadError",
    "LoadReport",
    "Loop",
    "MLflow",
    "Model",
    "Moments",
    "NotAModel",
    "NotBuilt",
    "NotSupported",
    "NothingMatched",
    "Parameter",
    "Parameters",
    "ParametryError",
    "PatternError",
    "Phase",
    "Phases",
    "Place",
    "Point",
    "Provenance",
    "Recorder",
    "RuleError",
    "Run",
    "RunMissing",
    "Runs",
    "Series",
    "ShapeMismatch",
    "Sink",
    "SinkError",
    "Sketch",
    "SourceMissing",
    "StoreError",
    "Statistics",
    "TensorBoard",
    "Tie",
    "TieError",
    "Totals",
    "UnknownAddress",
    "UnknownFormat",
    "UnknownSink",
    "ValueUnavailable",
    "WandB",
    "__version__",
    "constant",
    "convert",
    "diff",
    "dirac",
    "escape",
    "export",
    "freeze",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "initialize",
    "inspect",
    "lecun_normal",
    "lecun_uniform",
    "load",
    "load_model",
    "lsuv",
    "normal",
    "ones",
    "orthogonal",
    "record",
    "recorded",
    "reset",
    "runs",
    "save",
    "sparse",
    "stats",
    "tie",
    "truncated_normal",
    "unfreeze",
    "uniform",
    "untie",
    "variance_scaling",
    "zeros",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'parametry' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
