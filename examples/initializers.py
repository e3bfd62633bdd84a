"""How each parameter begins: which initializer was declared for it, and what it gave."""

import keras
import numpy as np

import parametry as pm

net = keras.Sequential(
    [
        keras.Input((4,)),
        keras.layers.Dense(
            256,
            activation="relu",
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01, seed=1),
        ),
        keras.layers.Dense(8, bias_initializer="ones"),
        keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(42), use_bias=False),
    ]
)
parameters = pm.inspect(net).parameters

for address, parameter in parameters.items():
    print(f"{address:<16} {parameter.initializer}")

# What was declared is what they hold.
assert parameters["dense/kernel"].initializer["stddev"] == 0.01
assert abs(parameters["dense/kernel"].numpy().std() - 0.01) < 0.001
assert np.all(parameters["dense_1/bias"].numpy() == 1)
assert np.all(parameters["dense_2/kernel"].numpy() == 42)

# Which were left to the default of their layer's class?
left = parameters.select(where=lambda entry: entry.initializer == {"class": "Zeros"})
assert list(left) == ["dense/bias"]

# Set some of them otherwise: half of what each kernel began with.
for kernel in parameters.select("dense*/kernel").values():
    kernel.assign(kernel.numpy() / 2)
assert np.all(net.layers[-1].get_weights()[0] == 21)
