"""Tests of the watching room."""
