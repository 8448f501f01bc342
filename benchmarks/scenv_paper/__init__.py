"""The paper's experiments: a resumable grid of training runs, and the report made from what they leave behind.

It stands on the environment and the trainer; neither knows of it. Data goes one way: `design` (which cells there are)
-> `cell` (one of them: a training run, or the classical policies) -> `grid` (many, in parallel processes or by
`ray_pool`) -> raw files, one JSON a cell -> `results` -> `document` (all numbers) -> `page` and `figures` -> `report`.
"""
