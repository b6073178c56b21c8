"""Populations: several members train at once, copy the best, change their hyper-parameters, and leave a record.

The folder and the record are described in docs/population.md. Decisions (:mod:`decisions`, :mod:`hyperparameters`) and
the record (:mod:`events`, :mod:`ledger`, :mod:`branches`) know nothing of Ray; :mod:`member` is what Tune runs.
"""
