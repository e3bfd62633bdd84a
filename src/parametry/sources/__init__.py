"""Where a model comes from: a live object now; a file or a recorded run later."""
