"""Watching a running ``fit`` step by step, for a recording."""
