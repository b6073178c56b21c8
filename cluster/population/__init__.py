"""Populations: several members train at once, copy the best, change their hyper-parameters, and leave a record.

The folder and the record are described in docs/population.md. Decisions (`decisions`, `hyperparameters`) and
the record (`events`, `ledger`, `branches`) know nothing of Ray; `member` is what Tune runs.
"""
