"""The folder of a run: metrics, progress, reports."""
