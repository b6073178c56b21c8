"""Inputs that strangers made, mutated at random: `python -m tests.fuzz --help`."""
