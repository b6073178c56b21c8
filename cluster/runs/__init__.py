"""A run on disk: its folder, settings, checkpoints, and copies on shared storage. Knows nothing of Ray.

`folder.RunFolder` is the folder with its lock, `location` finds it by path or address, `settings` are what every kind
of run has, `kinds`, `stored_settings` and `stored` read a run of whatever kind. `checkpoints` and `manifests` write and
read checkpoints; `agents` finds the agents that ship, `packing` makes them. May import `cluster.errors` and `envs`.
Start reading at `folder.py`.
"""
