"""The arguments of each command as a dataclass, whose docstring is the command's help.

May import settings only, nothing that imports torch or Ray (`latent.py` excepted), so that help and a typing error are
there at once. A class may have `start`, which makes the values to start from out of what was given, and `aliases`,
other names of options. Start reading in `runs.py`; `cluster.cli.parse` turns a dataclass into a parser.
"""
