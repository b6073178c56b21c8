"""Measures and pictures of images, as pure functions of arrays: no run, no policy.

`judge` is the independent classifier, `image_metrics` the measures of `impasto evaluate` with `frechet` below them,
`reconstruction` compares with targets, `diversity` within classes; `contact_sheets` and `text_tables` show results.
May import `cluster.errors` and `envs`. Start reading at `image_metrics.py`.
"""
