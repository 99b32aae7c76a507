"""Tests of the scripts that make and judge the bundled model."""
