"""`vecclust.Library`: a directory opened, with its verbs.

Knows how what is stored becomes an answer; refuses to know HTTP, terminals and HTML.
"""

from __future__ import annotations

from vecclust.library.library import Library, usable_models

__all__ = ["Library", "usable_models"]
