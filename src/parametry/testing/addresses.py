"""Addresses: stable, unique, and found by whatever way leads to them."""

from __future__ import annotations

import unicodedata

import pytest

import parametry
from parametry.testing.subject import Subject

__all__ = ["AddressContract"]


class AddressContract(Subject):
    """What is asked of addresses."""

    def test_there_are_addresses_and_no_part_of_them_is_empty(self) -> None:
        """Every part of every address is text without what would disturb a terminal."""
        parameters = parametry.inspect(self.make()).parameters
        assert len(parameters) > 1
        for address in parameters:
            assert all(address.split("/"))
            assert not any(unicodedata.category(character) == "Cc" for character in address)

    def test_addresses_are_the_same_for_every_model_of_the_same_structure(self) -> None:
        """However many models the process has made before."""
        first = parametry.inspect(self.make())
        for _ in range(3):
            self.make()
        second = parametry.inspect(self.make())
        assert list(second.parameters) == list(first.parameters)
        assert list(second.layers) == list(first.layers)

    def test_every_address_leads_to_its_entry(self) -> None:
        """In all three mappings."""
        view = parametry.inspect(self.make())
        for mapping in (view.parameters, view.layers, view.hyperparameters):
            assert len(mapping) == len(list(mapping)) > 0
            for address in mapping:
                assert address in mapping
                assert mapping[address].address == address

    def test_a_quoted_address_is_a_pattern_that_matches_it_alone(self) -> None:
        """`parametry.escape` quotes whatever a name may hold."""
        parameters = parametry.inspect(self.make()).parameters
        for address in parameters:
            assert list(parameters.select(parametry.escape(address))) == [address]
        assert list(parameters.select("**")) == list(parameters)

    def test_native_names_lead_to_all_parameters(self) -> None:
        """Each under a name of its own."""
        parameters = parametry.inspect(self.make()).parameters
        native = parameters.native
        assert {entry.address for entry in native.values()} == set(parameters)

    def test_one_array_is_one_parameter_with_aliases(self) -> None:
        """An alias is found, and is no parameter of its own."""
        model = self.make_tied()
        view = parametry.inspect(model)
        tied = [entry for entry in view.parameters.values() if entry.aliases]
        assert tied
        for entry in tied:
            for alias in entry.aliases:
                assert alias not in list(view.parameters)
                assert view.parameters[alias] is entry
        assert {tie.address: tie.aliases for tie in view.ties} == {
            entry.address: entry.aliases for entry in tied
        }

    def test_an_unknown_address_is_an_error_that_names_near_ones(self) -> None:
        """It is a KeyError too, so that a mapping's users feel at home."""
        parameters = parametry.inspect(self.make()).parameters
        known = next(iter(parameters))
        with pytest.raises(KeyError) as caught:
            parameters[known + "x"]
        assert isinstance(caught.value, parametry.UnknownAddress)
        assert known in str(caught.value)
        with pytest.raises(parametry.NothingMatched):
            parameters.select("no/such/*")
