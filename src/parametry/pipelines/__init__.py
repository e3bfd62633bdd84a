"""What an input pipeline tells about itself: batch size, samples, steps, shuffle, seed, prefetch.

A pipeline is described from the attributes that it already holds. Nothing is iterated, no
function of the user's is called (but for the lengths that a PyDataset, sampler or dataset gives of
itself), and no framework is imported: an object of one that is not loaded cannot exist.
"""

from __future__ import annotations

from parametry.pipelines.pipeline import Pipeline
from parametry.pipelines.registry import describe

__all__ = ["Pipeline", "describe"]
