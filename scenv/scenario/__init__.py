"""Scenarios: what is simulated on a network, field by field, validated."""
