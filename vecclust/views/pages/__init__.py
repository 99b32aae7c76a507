"""Exhibits to pages that open from disk: the gallery as a folder, the map as one file.

A page asks nothing of anybody: no request leaves it, and its content security policy says so to the browser. Names
of files and clusters are text, never markup: every template escapes. Pages are written beside and moved into place.
"""

from vecclust.views.pages.gallery import write_gallery
from vecclust.views.pages.map import write_map
from vecclust.views.pages.publish import new_file

__all__ = ["new_file", "write_gallery", "write_map"]
