"""Display: a view can be shown and written down, whatever it holds."""

from __future__ import annotations

import json

import pytest

import parametry
from parametry.testing.stillness import look_at
from parametry.testing.subject import Subject

__all__ = ["DisplayContract"]

_LARGEST_HTML = 200_000


class DisplayContract(Subject):
    """What is asked of a view's forms."""

    def test_the_json_form_holds_every_address(self) -> None:
        """And can be read back."""
        view = look_at(self.make())
        told = json.loads(view.to_json())
        assert told["schema"].startswith("parametry/")
        assert list(told["parameters"]) == list(view.parameters)
        assert list(told["layers"]) == list(view.layers)
        assert list(told["hyperparameters"]) == list(view.hyperparameters)

    def test_the_yaml_form_says_the_same(self) -> None:
        """As the JSON form does."""
        import yaml

        view = look_at(self.make())
        assert yaml.safe_load(view.to_yaml())["parameters"] == view.parameters.to_dict()

    def test_text_and_html_name_the_model(self) -> None:
        """The HTML within what a notebook can bear."""
        view = look_at(self.make())
        first = next(iter(view.layers)).partition("/")[0]
        assert first in repr(view)
        page = view._repr_html_()
        assert first in page
        assert len(page.encode()) <= _LARGEST_HTML

    def test_what_is_no_model_is_refused(self) -> None:
        """A class too: it is not a model yet."""
        for thing in (object(), type(self.make()), None):
            with pytest.raises(parametry.NotAModel):
                parametry.inspect(thing)
