"""Fit the clusters of a library anew, carry identity over, and label what arrives between fits.

Reads vectors, runs `cluster`, writes the run and its labels in one visible commit; until then the earlier run stays
in force. Rows are sorted by content hash, so that the same rows, seed and parameters give the same labels.
"""

from vecclust.recluster.arrivals import label_arrivals
from vecclust.recluster.refit import refit

__all__ = ["label_arrivals", "refit"]
