"""Helpers that tests of several rooms share: data, tiny runs, real Ray heads, the command line without its work."""
