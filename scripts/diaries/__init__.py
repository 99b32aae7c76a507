"""Simulated years of lives with cameras, and how well events, trips and homes are found in them."""
