"""Fit the clusters of a library anew, carry identity over, and label what arrives between fits.

Reads vectors, runs `cluster`, writes the run and its labels in one visible commit; until then the earlier run stays
in force. Rows are sorted by content hash, so that the same rows, seed and parameters give the same labels.
"""

from vecclust.library.runs.arrivals import Labeller, label_arrivals
from vecclust.library.runs.fit_result import FitResult, fit_photos, load_fit_result, save_fit_result
from vecclust.library.runs.inside import look_inside
from vecclust.library.runs.refit import adopt, refit

__all__ = [
    "FitResult",
    "Labeller",
    "adopt",
    "fit_photos",
    "label_arrivals",
    "load_fit_result",
    "look_inside",
    "refit",
    "save_fit_result",
]
