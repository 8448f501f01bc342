"""The methods: losses, graph, actor-critic and the hindsight gradient."""
