"""Tests of the room that clusters."""
