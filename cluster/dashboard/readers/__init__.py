"""Readers of run folders: each file is read as it grows, in bounded memory, and only inside RUNS.

`library` finds folders and checks paths, `tail` reads lines, `history` keeps a run's metrics, `runs` and `populations`
are what a page asks, `site` holds one reader for each folder. Start reading at `runs.py`.
"""
