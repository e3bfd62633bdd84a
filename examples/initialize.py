"""Initial values by rules: Gaussian, constant, Xavier, one's own; and starting afresh."""

import keras
import numpy as np

import parametry as pm

net = keras.Sequential(
    [
        keras.Input((4,)),
        keras.layers.Dense(4, activation="relu", name="hidden"),
        keras.layers.Dense(1, name="head"),
    ],
    name="net",
)
parameters = pm.inspect(net).parameters

# Gaussian weights with a standard deviation of 0.01, biases of zero.
print(pm.initialize(net, {"**/kernel": pm.normal(0, 0.01), "**/bias": 0}, seed=0))
assert abs(parameters["hidden/kernel"].numpy()).max() < 0.05

# All weights 1.
pm.initialize(net, {"**/kernel": 1})
assert np.all(parameters["head/kernel"].numpy() == 1)

# Xavier for one block, 42 for another.
pm.initialize(net, {"hidden/kernel": pm.glorot_uniform(), "head/kernel": 42}, seed=0)
assert np.all(parameters["head/kernel"].numpy() == 42)


# One's own: half of the values are zero, the rest lie between 5 and 10 on either side.
def far_or_zero(shape, dtype, rng):
    values = rng.uniform(-10, 10, shape)
    return values * (abs(values) >= 5)


pm.initialize(net, {"**/kernel": far_or_zero}, seed=0)
assert parameters["hidden/kernel"].provenance.initializer == {"class": "far_or_zero"}

# One rule too many: nothing is changed, and the message says what would work.
before = parameters["hidden/kernel"].numpy()
try:
    pm.initialize(net, {"**/kernel": 0, "heads/bias": 1})
except pm.NothingMatched as error:
    print(f"\n{error}")
assert np.array_equal(parameters["hidden/kernel"].numpy(), before)

# Afresh, from what the layers themselves declare. Equal seeds give equal values, on any backend.
print(f"\n{pm.reset(net, seed=1)}")
first = parameters["hidden/kernel"].numpy()
pm.reset(net, seed=1)
assert np.array_equal(parameters["hidden/kernel"].numpy(), first)
