"""One parameter of a model: find it, read it, set it."""

import keras
import numpy as np

import parametry as pm

net = keras.Sequential(
    [
        keras.Input((4,)),
        keras.layers.Dense(8, activation="relu"),
        keras.layers.Dense(1, name="price"),
    ]
)
parameters = pm.inspect(net).parameters

bias = parameters["price/bias"]
print(f"{bias.address}: {bias.dtype} {bias.shape}, {bias.role}, {bias.nbytes} bytes")
print(f"declared to begin as {bias.initializer}")

# What is read is a copy: writing to it changes nothing.
copy = bias.numpy()
copy += 1
assert np.array_equal(bias.numpy(), [0.0])

# `assign` changes the model, once it has checked shape and dtype.
bias.assign([42.0])
assert np.array_equal(net.get_layer("price").bias.numpy(), [42.0])
try:
    parameters["price/kernel"].assign(np.zeros((1, 8), "float32"))
except pm.ShapeMismatch as error:
    print(f"\n{error}")

# A wrong address is told the nearest right ones.
try:
    parameters["price/kernal"]
except pm.UnknownAddress as error:
    print(f"\n{error}")

# Keras's own names, which depend on how many models were made before, find it too; and what is
# found leads to Keras's own object.
native_name = bias.native_name
print(f"\nKeras calls it {native_name}")
assert parameters.native[native_name].native is net.get_layer("price").bias
