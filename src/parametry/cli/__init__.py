"""The command ``parametry``: one file for each subcommand, and no logic that the library lacks."""
