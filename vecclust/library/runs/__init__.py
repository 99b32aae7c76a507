"""Fit the clusters of a library anew, carry identity over, and label what arrives between fits.

Reads vectors, has `clustering` work on them, writes the run and its labels in one visible commit; until then the
earlier run stays in force. Rows are sorted by content hash, so that the same rows, seed and parameters give the same
labels.
"""
