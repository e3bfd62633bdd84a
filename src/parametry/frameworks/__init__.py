"""Live models: one folder for each framework, with the same file names in each."""
