"""All parameters of a nested model at once: list, count, select, export."""

import json

import keras
import numpy as np

import parametry as pm


def block(units, name):
    return keras.Sequential(
        [
            keras.layers.Dense(units, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.1),
        ],
        name=name,
    )


net = keras.Sequential(
    [keras.Input((16,)), block(32, "wide"), block(8, "narrow"), keras.layers.Dense(1, name="head")]
)
net.get_layer("wide").trainable = False
net.compile(optimizer="adam", loss="mse")
net.fit(np.zeros((4, 16), "float32"), np.zeros((4, 1), "float32"), verbose=0)

model = pm.inspect(net)
parameters = model.parameters

# A mapping: address to parameter.
for address, parameter in parameters.items():
    print(f"{address:<50} {parameter.role:<10} {parameter.dtype:<8} {parameter.shape}")

# Totals. The optimizer's slots are parameters too, but kept apart: no count and no pattern over
# the model's own parameters reaches them.
print(f"\n{model.totals}")
assert model.totals.trainable == 8 * 32 + 8 + 2 * 8 + 8 + 1
assert model.totals.frozen == 16 * 32 + 32 + 2 * 32
assert all(slot.role == "optimizer" for slot in model.optimizer_parameters.values())

# Many at once: globs over addresses (`*` within a part, `**` across parts), and filters.
assert list(parameters.select("**/kernel")) == [
    "wide/dense/kernel",
    "narrow/dense/kernel",
    "head/kernel",
]
biases = parameters.select("{wide,narrow}/**", layer="Dense", rank=1)
assert list(biases) == ["wide/dense/bias", "narrow/dense/bias"]
state = parameters.select(role="state", dtype="float32")
assert all(name.endswith(("moving_mean", "moving_variance")) for name in state)
print()
for address, kernel in parameters.select("**/kernel").items():
    print(f"norm of {address:<22} {np.linalg.norm(kernel):6.3f}")

# A pattern that matches nothing is an error, not an empty result found out about later.
try:
    parameters.select("*/kernel/weights")
except pm.NothingMatched as error:
    print(f"\n{error}")

# As data for other tools: to_dict, to_json, to_yaml, to_pandas.
table = json.loads(parameters.to_json())
assert table["head/kernel"]["shape"] == [8, 1]
