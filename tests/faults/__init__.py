"""The campaign of faults: kill, stop or starve every part of a run, and see whether it goes on. `make faults`."""
