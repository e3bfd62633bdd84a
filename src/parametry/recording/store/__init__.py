"""One SQLite file for each run: what is in it, who writes it, who reads it."""
