"""Policies for use outside the trainer."""
