"""Tests of the records that travel between the rooms."""
