"""Tests of giving a library another model."""
