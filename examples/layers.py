"""The layers of a model: class, input and output shape, size.

Keras 3 layers have no `output_shape`, and before the first call there is nothing to ask. Here a
model is built from its input's shape alone, without a batch of data.
"""

import keras

import parametry as pm

net = keras.Sequential(
    [
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
    ]
)

# Not built yet: what is known is there, and nothing is made up.
assert not pm.inspect(net).layers["dense"].built
assert len(pm.inspect(net).parameters) == 0

model = pm.inspect(net, input_shape=(None, 28, 28, 1))
for address, layer in model.layers.items():
    print(f"{address:<14} {layer.class_name:<14} {layer.output_shape!s:<22} {layer.parameters:>7,}")

assert model.layers["conv2d"].output_shape == [None, 26, 26, 8]
assert model.layers["flatten"].output_shape == [None, 13 * 13 * 8]
assert model.layers["dense"].parameters == 13 * 13 * 8 * 10 + 10
assert model.totals.trainable == net.count_params()

# Addresses are counted among siblings, so they are the same however many models were made before.
# Keras's own names count on through the whole process.
keras.Sequential([keras.layers.Dense(1), keras.layers.Dense(1)])
later = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), keras.layers.Dense(1)])
dense = [address for address, layer in pm.inspect(later).layers.items() if layer.parameters]
print("\nKeras's names:", [layer.name for layer in later.layers])
print("addresses:    ", dense)
assert dense == ["dense", "dense_1"]
