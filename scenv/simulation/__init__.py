"""The simulation: the only inventory equations, observation and reward, for whole batches."""
