"""Metrics of a run: one catalogue of names, and the ways from a learner's numbers to a person's eyes.

`catalogue` gives every metric its name, unit and meaning; `aggregate` adds numbers up between two reports; `log`
writes and reads `metrics.jsonl` and TensorBoard, `terminal` the live view, `prometheus` Ray's metrics, `tracking` sends
rows to W&B and MLflow; `object_store` is one measurement, `curves` a plot of runs. May import `cluster.errors` and
`envs`. Start reading at `catalogue.toml`.
"""
