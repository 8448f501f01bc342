"""Scenarios: what is simulated on a network, field by field, validated; and what follows from it (`implied`)."""
