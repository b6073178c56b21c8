"""The painter, tenant of the rooms below: SPIRAL, its experiments, and the uses of a trained painter.

`spiral` has configuration and algorithm, `learners` its two learners, `trainer` the training run; `sampler` paints with
a checkpoint, `evaluate`, `search` and `reproduce` measure, `pictures` paints a user's own. Same floor plan as
`cluster.latent`. May import training and the rooms below, never latent. Start reading at `spiral.py`.
"""
