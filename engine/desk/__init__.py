"""What supervisors do from the command line: load, recycle, ask why, ask before the start."""
