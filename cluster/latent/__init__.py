"""Latent control, tenant of the rooms below: TD3 that steers a GAN, or acts in any world of bounded Boxes.

`td3` has configuration and algorithm, `learners` its learner, `trainer` the training run, `assets` and `parts_cache`
the frozen GAN, auto-encoder and classifier; `translation` and `evaluate` use a trained agent. Same floor plan as
`cluster.painter`. May import training and the rooms below, never painter. Start reading at `td3.py`.
"""
