"""Files that hold models: one file for each kind, none of which imports a framework."""
