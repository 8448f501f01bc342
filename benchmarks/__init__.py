"""Measurements: speed, learning, classical policies. Results with machine and commit are in `results/`."""
