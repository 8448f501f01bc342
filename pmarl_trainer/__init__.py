"""pmarl_trainer: multi-agent actor-critic with graph attention, for any environment that has an adjacency matrix.

MAAC, PMaRL and FV of Zhang et al., Sustainability 2024, 16(22), 9996 ("the paper"), as three rows of one table
(`config.METHODS`). An environment is met through one door, `env_api.BatchedEnv`; no environment is imported here.

Importing this package needs no torch; `env_api`, `config` and `cli` do not either.
"""
