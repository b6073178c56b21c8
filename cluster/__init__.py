"""One system of worlds, actors and learners: runs, replay, training, populations, dashboard and command line.

Code in here may import all of ours; its rooms import each other in the order of `docs/architecture.md` only. Start
reading at `cluster.cli.entry` (commands), `cluster.training.launch` (a run), `cluster.painter.spiral` (an algorithm).
"""
