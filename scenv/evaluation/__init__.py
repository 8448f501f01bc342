"""Evaluation: what policies cost on the same demand paths, with intervals."""
