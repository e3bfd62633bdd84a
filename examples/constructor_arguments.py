"""What a model was made with, although it stores none of it.

With `import parametry.auto` every Keras model has the attribute `hyperparameters`: what the
constructors of the model and of all its layers were given, what was left at its default, and the
line that passed it.
"""

import keras

import parametry.auto


class Classifier(keras.Model):
    """Uses its arguments and forgets them, as most models do."""

    def __init__(self, hidden_units, dropout_rate=0.5, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.hidden = [keras.layers.Dense(units, activation=activation) for units in hidden_units]
        self.dropout = keras.layers.Dropout(dropout_rate)
        self.head = keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(1e-4))

    def call(self, inputs, training=False):
        x = inputs
        for layer in self.hidden:
            x = layer(x)
        return self.head(self.dropout(x, training=training))


net = Classifier([64, 32], activation="gelu", name="classifier")
chosen = net.hyperparameters

# Of the model itself, stored nowhere:
units = chosen["model/hidden_units"]
assert not hasattr(net, "hidden_units")
assert units.value == [64, 32] and units.origin == "explicit"
print(f"hidden_units = {units.value}, passed at {units.where}")
rate = chosen["model/dropout_rate"]
assert rate.value == 0.5 and rate.origin == "default"

# Of its layers, at any depth, before anything is built. An object among the arguments, such as the
# regularizer, is a subtree of its own.
assert chosen["model/dense_1/units"].value == 32
assert chosen["model/dense_1/activation"].value == "gelu"
assert chosen["model/dense_2/kernel_regularizer/l2"].value == 1e-4

# All that somebody chose, without the defaults.
print(f"\n{len(chosen.explicit())} of {len(chosen)} were chosen:\n")
for address, entry in chosen.select("model/**").explicit().items():
    print(f"{address:<44} {entry.value!s:<28} {entry.where}")

# Capture can be turned off again, and the attribute goes with it; what was seen stays known.
parametry.auto.disable()
assert not hasattr(net, "hyperparameters")
assert parametry.inspect(net).hyperparameters["model/hidden_units"].value == [64, 32]
