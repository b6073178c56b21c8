"""Pictures of a user's own: read, painted stroke by stroke, and written in the formats of paint programs.

May import what the painter may. Start reading in `paint.py`; the search for strokes is `actors.picture_painter`.
"""
