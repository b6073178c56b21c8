"""The parts of a training run that do not depend on its kind: algorithm, actors, learners, trainer, launch.

`launch` starts or resumes a run, `trainer.RunTrainer` runs it, `algorithm.RunAlgorithm` trains a second at a time
with `env_runner_pool` (actors) and `learner_client` (learner groups of `learner.GroupLearner`). May import the rooms
below (metrics, runs, evaluation, replay), never painter or latent. Start reading at `launch.py`.
"""
