"""The configuration of a run: its schema, files and presets."""
