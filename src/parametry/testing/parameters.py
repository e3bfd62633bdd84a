"""Parameters: the framework's own arrays, read as copies and written after a check."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import parametry
from parametry.testing.subject import Subject

__all__ = ["ParameterContract"]


class ParameterContract(Subject):
    """What is asked of parameters."""

    def test_every_array_of_the_model_is_there_once(self) -> None:
        """The framework's own objects, none left out and none added."""
        for model in (self.make(), self.make_tied()):
            found = [id(entry.native) for entry in parametry.inspect(model).parameters.values()]
            assert sorted(found) == sorted(id(array) for array in self.arrays_of(model))

    def test_shape_dtype_size_and_values_are_the_frameworks_own(self) -> None:
        """As NumPy has them."""
        for entry in parametry.inspect(self.make()).parameters.values():
            expected = self.to_numpy(entry.native)
            values = entry.numpy()
            assert values.tobytes() == expected.tobytes()
            assert (values.shape, values.dtype) == (entry.shape, expected.dtype)
            assert (entry.dtype, entry.size, entry.rank, entry.nbytes) == (
                expected.dtype.name,
                expected.size,
                expected.ndim,
                expected.nbytes,
            )
            np.testing.assert_array_equal(np.asarray(entry), values)

    def test_what_is_read_is_a_copy(self) -> None:
        """Writing to it leaves the model as it was."""
        entry = self._matrix(parametry.inspect(self.make()))
        before = self.to_numpy(entry.native).copy()
        entry.numpy()[:] = 7
        np.asarray(entry)[:] = 7
        np.testing.assert_array_equal(self.to_numpy(entry.native), before)

    def test_what_is_assigned_lands_and_is_not_kept(self) -> None:
        """Cast within its kind; the array that was given stays the caller's."""
        entry = self._matrix(parametry.inspect(self.make()))
        values = np.arange(entry.size, dtype="float64").reshape(entry.shape)
        entry.assign(values)
        expected = values.astype(entry.numpy().dtype)
        values[:] = -1
        np.testing.assert_array_equal(self.to_numpy(entry.native), expected)
        np.testing.assert_array_equal(entry.numpy(), expected)

    def test_what_does_not_fit_is_refused_and_changes_nothing(self) -> None:
        """Another shape, another kind, an overflow; the message names the address."""
        entry = self._matrix(parametry.inspect(self.make()))
        before = self.to_numpy(entry.native).copy()
        refused: list[tuple[Any, type[Exception]]] = [
            (np.zeros((*entry.shape, 1)), parametry.ShapeMismatch),
            (np.zeros(entry.shape, "int64"), parametry.DtypeMismatch),
            (np.full(entry.shape, 1e300), parametry.DtypeMismatch),
        ]
        for values, error in refused:
            with pytest.raises(error) as caught:
                entry.assign(values)
            assert entry.address in str(caught.value)
        np.testing.assert_array_equal(self.to_numpy(entry.native), before)

    def test_an_alias_is_the_same_array(self) -> None:
        """What is assigned by one address is read by the other."""
        view = parametry.inspect(self.make_tied())
        tied = next(entry for entry in view.parameters.values() if entry.aliases)
        view.parameters[tied.aliases[0]].assign(np.full(tied.shape, 3, tied.numpy().dtype))
        assert (tied.numpy() == 3).all()

    def test_training_changes_all_that_is_trainable(self) -> None:
        """Values are read when they are asked for."""
        model = self.make()
        trainable = parametry.inspect(model).parameters.select(trainable=True)
        before = {address: entry.numpy() for address, entry in trainable.items()}
        self.train(model)
        for address, entry in trainable.items():
            assert not np.array_equal(entry.numpy(), before[address]), address

    def test_training_goes_on_from_what_was_assigned(self) -> None:
        """Assigned values share nothing that would disturb the framework."""
        model = self.make()
        for entry in parametry.inspect(model).parameters.select(trainable=True).values():
            entry.assign(entry.numpy())
        self.train(model)
        for entry in parametry.inspect(model).parameters.values():
            assert np.isfinite(entry.numpy()).all()

    @staticmethod
    def _matrix(view: parametry.Model) -> parametry.Parameter:
        return next(iter(view.parameters.select(trainable=True, rank=2).values()))
