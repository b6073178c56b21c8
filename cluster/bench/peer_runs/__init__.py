"""Runs that `impasto bench peers` compares: ours and those of other libraries, one file each.

Each runs in a Python process of its own, some in an environment of their own, and prints the environment steps that
it has learned from, a number a line, until it is ended. All of them paint in `world` with the same policy.
"""
