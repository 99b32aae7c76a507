"""Fit the clusters of a library anew, carry identity over, and label what arrives between fits.

Reads vectors, runs `cluster`, writes the run and its labels in one visible commit; until then the earlier run stays
in force. Rows are sorted by content hash, so that the same rows, seed and parameters give the same labels.
"""

from vecclust.recluster.arrivals import Labeller, label_arrivals
from vecclust.recluster.finding import Finding, find, load_finding, save_finding
from vecclust.recluster.inside import look_inside
from vecclust.recluster.refit import adopt, refit

__all__ = [
    "Finding",
    "Labeller",
    "adopt",
    "find",
    "label_arrivals",
    "load_finding",
    "look_inside",
    "refit",
    "save_finding",
]
