"""Sharing parameters: between layers that exist already, also transposed, and undone again."""

import keras
import numpy as np

import parametry as pm

keras.utils.set_random_seed(0)
WORDS, WIDTH = 50, 8


def language_model():
    """Reads a word and scores which comes next."""
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            keras.layers.Embedding(WORDS, WIDTH, name="embedding"),
            keras.layers.Dense(WIDTH, activation="tanh", name="hidden"),
            keras.layers.Dense(WIDTH, activation="tanh", name="hidden_too"),
            keras.layers.Dense(WORDS, use_bias=False, name="head"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    return model


net, apart = language_model(), language_model()
apart.set_weights(net.get_weights())
words = np.random.default_rng(0).integers(WORDS, size=(64, 6))

# Two layers of one shape become one array. So does the embedding with the projection back, which
# sees it transposed. Each counts once, and gets the gradients of both of its uses.
before = pm.inspect(net).totals.parameters
pm.tie(net, "hidden/kernel", "hidden_too/kernel")
pm.tie(net, "embedding/embeddings", "head/kernel", transpose=True)
for tie in pm.inspect(net).ties:
    print(f"tie: {tie}")
print("parameters:", before, "->", pm.inspect(net).totals.parameters)
assert before - pm.inspect(net).totals.parameters == WIDTH * WIDTH + WORDS * WIDTH

# What one end is set to, the other has; and training keeps them one.
net.fit(words, np.roll(words, -1, axis=1), epochs=2, verbose=0)
hidden, too = (
    keras.ops.convert_to_numpy(net.get_layer(n).kernel) for n in ("hidden", "hidden_too")
)
np.testing.assert_array_equal(hidden, too)
table = keras.ops.convert_to_numpy(net.get_layer("embedding").embeddings)
np.testing.assert_array_equal(table.T, keras.ops.convert_to_numpy(net.get_layer("head").kernel))

# What differs from the model that shares nothing: the ties, and what was learned.
difference = pm.diff(apart, net, select="**/kernel")
for found in difference.ties:
    print(f"{found.kind}: {found.tie}")
print("differ:", ", ".join(difference.parameters))
assert difference

# Untied, each end has an array of its own again, with the same values.
pm.untie(net, "head/kernel")
pm.untie(net, "hidden_too/kernel")
assert pm.inspect(net).ties == ()
assert pm.inspect(net).totals.parameters == before
assert not pm.diff(apart, net, values=False, ignore="fit/**")
