"""Records to pages that open from disk: the gallery as a folder, the map as one file.

A page asks nothing of anybody: no request leaves it, and its content security policy says so to the browser. Names
of files and clusters are text, never markup: every template escapes. Pages are written beside and moved into place.
"""
