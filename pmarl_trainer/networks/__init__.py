"""Policies, critics and attention, for all agents at once."""
