"""Models and reports made by hand, so that these tests need no framework."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parametry.core.coverage import Gap
from parametry.core.hyperparameter import Change, Hyperparameter, Origin
from parametry.core.layer import Layer
from parametry.core.mappings import Hyperparameters, Layers, Parameters
from parametry.core.model import Model, ties_of
from parametry.core.parameter import Parameter, Role
from parametry.core.phase import Phase, PhaseKind, Phases
from parametry.core.place import Place
from parametry.core.provenance import Provenance, recall
from parametry.core.report import Report
from parametry.core.value import UNSET, Plain, to_plain


@dataclass
class MemoryStore:
    """A parameter's values in an ordinary array."""

    array: NDArray[Any]
    declarations: dict[str, Plain] = field(default_factory=dict)

    def read(self) -> NDArray[Any]:
        return self.array.copy()

    def write(self, array: NDArray[Any]) -> None:
        self.array[...] = array

    def declared(self) -> dict[str, Plain]:
        return self.declarations

    def provenance(self) -> Provenance | None:
        return recall(self.array)

    @property
    def native(self) -> Any:
        return self.array


class Build:
    """Makes core's objects with only what a test cares about."""

    @staticmethod
    def parameter(
        address: str,
        shape: tuple[int, ...] = (2,),
        *,
        role: Role = "trainable",
        aliases: tuple[str, ...] = (),
        layer: str | None = None,
        layer_class: str = "Dense",
        dtype: str = "float32",
        declared: dict[str, Plain] | None = None,
    ) -> Parameter:
        return Parameter(
            address=address,
            native_name=address,
            shape=shape,
            dtype=dtype,
            role=role,
            layer=address.rpartition("/")[0] if layer is None else layer,
            layer_class=layer_class,
            store=MemoryStore(np.zeros(0), declared or {}),
            aliases=aliases,
        )

    @staticmethod
    def layer(
        address: str,
        class_name: str = "Dense",
        *,
        output: Plain = None,
        parameters: int = 0,
        uses: int = 1,
        built: bool = True,
        aliases: tuple[str, ...] = (),
        asked: list[str] | None = None,
    ) -> Layer:
        def shapes() -> tuple[Plain, Plain]:
            if asked is not None:
                asked.append(address)
            return None, output

        return Layer(
            address=address,
            class_name=class_name,
            native_name=address,
            built=built,
            uses=uses,
            aliases=aliases,
            parameters=parameters,
            nbytes=4 * parameters,
            depth=address.count("/") + 1,
            shapes=shapes,
            native=None,
        )

    @staticmethod
    def choice(
        address: str,
        value: object,
        origin: Origin | None = "explicit",
        line: int | None = None,
        *,
        passed: object = UNSET,
        changes: tuple[Change, ...] = (),
    ) -> Hyperparameter:
        return Hyperparameter(
            address,
            to_plain(value),
            passed if passed is UNSET else to_plain(passed),  # type: ignore[arg-type]
            origin,
            None if line is None else Place("train.py", line),
            changes,
        )

    @staticmethod
    def hyperparameters(
        entries: Iterable[Hyperparameter] = (), source: str = "model 'net'"
    ) -> Hyperparameters:
        return Hyperparameters({entry.address: entry for entry in entries}, source=source)

    @staticmethod
    def parameters(entries: Iterable[Parameter] = (), source: str = "model 'net'") -> Parameters:
        return Parameters({entry.address: entry for entry in entries}, source=source)

    @staticmethod
    def layers(entries: Iterable[Layer] = (), source: str = "model 'net'") -> Layers:
        return Layers({entry.address: entry for entry in entries}, source=source)

    @staticmethod
    def phase(
        name: str,
        kind: PhaseKind,
        entries: Iterable[Hyperparameter] = (),
        line: int | None = None,
        times: int = 1,
        *,
        subject: str = "model",
    ) -> Phase:
        where = None if line is None else Place("train.py", line)
        return Phase(name, kind, Build.hyperparameters(entries), where, times, subject)

    @staticmethod
    def model(
        *,
        name: str = "net",
        class_name: str = "Net",
        framework: str = "keras (jax)",
        parameters: Iterable[Parameter] = (),
        optimizer: Iterable[Parameter] = (),
        hyperparameters: Iterable[Hyperparameter] = (),
        layers: Iterable[Layer] = (),
        phases: Iterable[Phase] = (),
        gaps: Iterable[Gap] = (),
    ) -> Model:
        held = Build.parameters(parameters)
        return Model(
            name=name,
            class_name=class_name,
            framework=framework,
            parameters=held,
            optimizer_parameters=Build.parameters(optimizer),
            hyperparameters=Build.hyperparameters(hyperparameters),
            layers=Build.layers(layers),
            ties=ties_of(held),
            phases=Phases({phase.name: phase for phase in phases}),
            gaps=lambda: tuple(gaps),
        )

    @staticmethod
    def report(
        *,
        program: str = "train.py",
        outcome: str = "finished",
        hyperparameters: Iterable[Hyperparameter] = (),
        models: Mapping[str, Model] | None = None,
        phases: Iterable[Phase] = (),
        coverage: Iterable[Gap] = (),
    ) -> Report:
        return Report(
            program=program,
            outcome=outcome,
            hyperparameters=Build.hyperparameters(hyperparameters, program),
            models=models or {},
            phases=Phases({phase.name: phase for phase in phases}),
            coverage=tuple(coverage),
        )

    @classmethod
    def dense(cls, address: str, inputs: int, units: int) -> tuple[Layer, list[Parameter]]:
        layer = cls.layer(address, "Dense", output=[None, units], parameters=inputs * units + units)
        kernel = cls.parameter(f"{address}/kernel", (inputs, units))
        return layer, [kernel, cls.parameter(f"{address}/bias", (units,))]

    @classmethod
    def realistic(cls) -> Model:
        """A text classifier as somebody would write it: blocks, a shared layer, state, defaults."""
        layers: list[Layer] = []
        parameters: list[Parameter] = []

        def put(layer: Layer, *held: Parameter) -> None:
            layers.append(layer)
            parameters.extend(held)

        put(
            cls.layer("embedding", "Embedding", output=[None, 64, 128], parameters=1_280_000),
            cls.parameter(
                "embedding/embeddings", (10_000, 128), aliases=("head/embedding/embeddings",)
            ),
        )
        put(cls.layer("encoder", "Encoder", output=[None, 64, 128], parameters=790_000))
        for index in range(12):
            block = f"encoder/blocks/{index}"
            put(cls.layer(block, "Block", output=[None, 64, 128], parameters=65_920))
            put(
                cls.layer(
                    f"{block}/norm", "LayerNormalization", output=[None, 64, 128], parameters=256
                ),
                cls.parameter(f"{block}/norm/gamma", (128,)),
                cls.parameter(f"{block}/norm/beta", (128,)),
            )
            for name in ("query", "key", "value"):
                layer, held = cls.dense(f"{block}/{name}", 128, 128)
                put(layer, *held)
            put(
                cls.layer(f"{block}/dropout", "Dropout", output=[None, 64, 128], parameters=2),
                cls.parameter(
                    f"{block}/dropout/seed_generator/seed", (2,), role="state", dtype="uint32"
                ),
            )
        put(
            cls.layer(
                "batch_normalization", "BatchNormalization", output=[None, 128], parameters=512
            ),
            cls.parameter("batch_normalization/gamma", (128,)),
            cls.parameter("batch_normalization/beta", (128,)),
            cls.parameter("batch_normalization/moving_mean", (128,), role="state"),
            cls.parameter("batch_normalization/moving_variance", (128,), role="state"),
        )
        for name, inputs, units in (("dense", 128, 64), ("dense_1", 64, 64), ("dense_2", 64, 64)):
            layer, held = cls.dense(name, inputs, units)
            put(layer, *held)
        put(cls.layer("head", "Head", output=[None, 2], parameters=1_280_130, uses=2))
        put(cls.layer("extra", "Dense", built=False))
        optimizer = [
            cls.parameter(f"adamw/{entry.address}_{slot}", entry.shape, role="optimizer")
            for slot in ("momentum", "velocity")
            for entry in parameters
            if entry.trainable
        ]
        return cls.model(
            name="classifier",
            class_name="train.TextClassifier",
            framework="keras (tensorflow)",
            parameters=parameters,
            optimizer=optimizer,
            layers=layers,
            hyperparameters=cls.choices(),
            phases=cls.history(),
            gaps=[
                Gap("fit/", "the generator's length is known only once it has ended"),
                Gap("callbacks/lambda", "its closure holds an object that was not opened"),
            ],
        )

    @classmethod
    def choices(cls) -> list[Hyperparameter]:
        choice = cls.choice
        entries = [
            choice("model/class", "TextClassifier", "explicit", 31),
            choice("model/vocabulary", 10_000, "explicit", 31),
            choice("model/hidden_units", [64, 64, 64], "explicit", 31),
            choice("model/name", "classifier", "explicit", 31),
            choice("model/dtype", "float32", "default", passed=None),
            choice("model/embedding/output_dim", 128, "explicit", 12),
        ]
        for index in range(12):
            for name in ("query", "key", "value"):
                at = f"model/encoder/blocks/{index}/{name}"
                entries += [
                    choice(f"{at}/units", 128, "explicit", 17),
                    choice(f"{at}/activation", "relu", "explicit", 17),
                    *(
                        choice(f"{at}/{other}", None, "default")
                        for other in ("kernel_regularizer", "bias_regularizer", "lora_rank")
                    ),
                ]
            entries.append(
                choice(f"model/encoder/blocks/{index}/dropout/rate", 0.1, "explicit", 19)
            )
        entries += [
            choice("optimizer/class", "AdamW", "explicit", 38),
            choice(
                "optimizer/learning_rate",
                0.00042,
                "live",
                38,
                changes=(
                    Change(0, 0.001, 0.0007, "callbacks/reduce_lr", None),
                    Change(900, 0.0007, 0.00042, "callbacks/reduce_lr", None),
                ),
            ),
            choice("optimizer/learning_rate/class", "CosineDecay", "explicit", 37),
            choice("optimizer/learning_rate/decay_steps", 10_000, "explicit", 37),
            choice("optimizer/weight_decay", 0.004, "explicit", 38),
            *(
                choice(f"optimizer/{name}", value, "default")
                for name, value in {
                    "beta_1": 0.9,
                    "beta_2": 0.999,
                    "epsilon": 1e-7,
                    "amsgrad": False,
                    "clipnorm": None,
                    "use_ema": False,
                }.items()
            ),
            choice("compile/loss/class", "CategoricalCrossentropy", "explicit", 40),
            choice("compile/loss/label_smoothing", 0.1, "explicit", 40),
            choice("compile/metrics", ["accuracy", "auc"], "explicit", 41),
            choice("compile/jit_compile", True, "derived", passed="auto"),
            choice("fit/batch_size", 32, "derived", 52, passed=None),
            choice("fit/epochs", 3, "explicit", 53),
            choice("fit/class_weight", {0: 1.0, 1: 2.5}, "explicit", 54),
            choice("fit/sample_weight", np.ones((2000,), "f4"), "explicit", 54),
            choice("fit/steps_per_epoch", 63, "derived"),
            *(
                choice(f"fit/{name}", None, "default")
                for name in ("validation_split", "validation_freq", "initial_epoch")
            ),
            choice("callbacks/reduce_lr/factor", 0.6, "explicit", 45),
            choice("callbacks/reduce_lr/patience", 2, "explicit", 45),
            choice("script/seed", 7, "explicit", 8),
            choice("script/DATA", "/data/reviews/2026-01/train-000*.parquet", "explicit", 9),
            choice("environment/keras", "3.15.1", "derived"),
            choice("environment/device", "CPU:0", "derived"),
        ]
        return entries

    @classmethod
    def history(cls) -> list[Phase]:
        epochs, batch = "fit/epochs", "fit/batch_size"
        return [
            cls.phase("compile", "compile", line=39),
            cls.phase("fit", "fit", [cls.choice(epochs, 1), cls.choice(batch, 32)], 48),
            cls.phase("freeze", "freeze", line=50),
            cls.phase("fit_1", "fit", [cls.choice(epochs, 3), cls.choice(batch, 32)], 52, 4),
        ]

    @classmethod
    def realistic_report(cls) -> Report:
        model = cls.realistic()
        return cls.report(
            program="train.py --epochs 3 --data reviews",
            hyperparameters=model.hyperparameters.values(),
            models={"model": model},
            phases=model.phases.values(),
            coverage=model.coverage,
        )


@pytest.fixture(scope="session")
def build() -> type[Build]:
    return Build
