"""Watching a program run: turns the frameworks' hooks on and off, runs scripts, finds constants."""
