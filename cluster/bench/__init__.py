"""Benchmarks of single parts and of whole runs, behind `impasto bench`.

May import everything but the dashboard and the command line. Start reading in `registry.py` (names) and `options.py`
(figures); each other file measures one part. Rates per CPU-second count the processor time of this process, so that
they hold on a machine that is busy with other things too.
"""
