"""Coverage-guided fuzzers, one for each parser. They need atheris: see CONTRIBUTING.md."""
