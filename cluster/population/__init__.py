"""Populations: members train at once, copy the best, change their hyper-parameters, and leave a record.

`launch` starts, `tuner` runs members as Tune trials (`member`), `ledger` decides (`exploit`, `hyperparameters`) and
writes, `watcher` prints and computes critic matrices; `lineage/` is the record. Decisions and record know nothing of
Ray. May import all rooms up to painter; `docs/population.md` has the folder and the record. Start at `ledger.py`.
"""
