"""The record of a population, and all that is read off it. Knows nothing of Ray.

`events` is the file, `comparison_events` the events that follow from scores; `ancestry.Lineage` folds branches and
comparisons, for the dashboard too, and `state.PopulationState` the members; `report` and `compare` are texts and
pictures of `impasto lineage`. Start reading at `ancestry.py`.
"""
