"""A model, a mapping or a report as text, in colour, and as HTML.

Core reaches the entry points by name: ``parametry.show.text``, ``.terminal`` and ``.html``, each
with ``model``, ``mapping`` and ``report``. What comes from a model is data here: never markup,
never a control sequence.
"""
