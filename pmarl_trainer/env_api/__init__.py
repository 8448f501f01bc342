"""The door: what an environment offers the trainer, and how it is found and checked."""
