"""Fit the clusters of a library anew, carry identity over, and label what arrives between fits.

Reads vectors, runs `cluster`, writes the run and its labels in one visible commit; until then the earlier run stays
in force. Rows are sorted by content hash, so that the same rows, seed and parameters give the same labels.
"""

from vecclust.library.runs.arrivals import Labeller, label_arrivals
from vecclust.library.runs.finding import Finding, find, load_finding, save_finding
from vecclust.library.runs.inside import look_inside
from vecclust.library.runs.refit import adopt, refit

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
