"""How `scenv.policies.Pretrained` was trained: random networks, the hindsight gradient, one network for all firms."""
