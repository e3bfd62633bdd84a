"""Shared layers: one array is one parameter, however many ways lead to it."""

import keras
import numpy as np

import parametry as pm

# One layer in two places of a Sequential model. Keras's list and summary show two layers of one
# name; here it is one layer, used twice.
shared = keras.layers.Dense(4, activation="relu")
net = keras.Sequential([keras.Input((4,)), shared, shared, keras.layers.Dense(1)])
model = pm.inspect(net)

assert [layer.name for layer in net.layers].count(shared.name) == 2
print("uses:", {address: layer.uses for address, layer in model.layers.items()})
assert model.layers["dense"].uses == 2
assert list(model.parameters) == ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]
assert model.totals.trainable == (4 * 4 + 4) + (4 + 1)  # counted once


# One layer in two submodels: two addresses lead to the same array. The first is its own, the other
# an alias, and together they are a tie.
class Tower(keras.layers.Layer):
    def __init__(self, embedding, units, **kwargs):
        super().__init__(**kwargs)
        self.embedding = embedding
        self.dense = keras.layers.Dense(units)

    def call(self, words):
        return self.dense(self.embedding(words))


class Matcher(keras.Model):
    """Scores a question against an answer; both are read with the same embedding."""

    def __init__(self, words, size):
        super().__init__()
        embedding = keras.layers.Embedding(words, size)
        self.question = Tower(embedding, size, name="question")
        self.answer = Tower(embedding, size, name="answer")

    def call(self, inputs):
        question, answer = inputs
        return keras.ops.sum(self.question(question) * self.answer(answer), axis=(1, 2))


matcher = Matcher(words=100, size=8)
matcher((np.zeros((1, 5), "int32"), np.zeros((1, 5), "int32")))
model = pm.inspect(matcher)

for tie in model.ties:
    print(f"tie: {tie}")
parameters = model.parameters
assert [str(tie) for tie in model.ties] == [
    "question/embedding/embeddings = answer/embedding/embeddings"
]
assert parameters["answer/embedding/embeddings"] is parameters["question/embedding/embeddings"]
assert len(parameters) == 1 + 2 * 2
assert model.totals.parameters == 100 * 8 + 2 * (8 * 8 + 8)

# A pattern finds a parameter by its aliases too, and setting it sets it everywhere.
table = parameters.select("answer/embedding/*")["question/embedding/embeddings"]
table.assign(np.ones((100, 8), "float32"))
assert np.all(matcher.answer.embedding.get_weights()[0] == 1)
