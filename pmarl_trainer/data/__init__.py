"""From episodes to batches: rollouts, replay, scaling of observations, derived seeds."""
