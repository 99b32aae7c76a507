"""Tests of the daemon as a service."""
