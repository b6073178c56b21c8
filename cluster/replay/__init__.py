"""The shared replay: rings of byte records in Redis.

`buffer.Replay` is a ring, `transitions.TransitionReplay` a learner's local copy of one; `host.ReplayHost` makes a
run's ring and keeps its Redis alive; `rate_limiter` paces inserts and samples. May import `envs`, `learners`
(layouts), and the rooms below: metrics, runs, evaluation. Start reading at `buffer.py`.
"""
