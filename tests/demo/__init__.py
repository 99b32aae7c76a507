"""Tests of the demo's drawn scenes and sample album."""
