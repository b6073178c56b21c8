"""Scenes of simple objects on a plane, drawn by MuJoCo (Ganin et al. 2018, section 5.4)."""
