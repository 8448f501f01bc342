"""The training loop, checkpoints, selection and interruption."""
