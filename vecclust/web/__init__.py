"""The pages of one library, live, for one person at this computer: `vecclust ui`.

It alone knows Starlette and uvicorn. Listens on 127.0.0.1 only; `gate` decides who gets in, before anything else.
Reads a library that is open for reading; each change opens it for writing for that moment. What computes for long
(a refit, a map) runs in a process of its own, so that the pages answer meanwhile and Ctrl-C ends everything at once.
"""

from vecclust.web.opener import LibraryOpener, Opener
from vecclust.web.serving import Serving, serve

__all__ = ["LibraryOpener", "Opener", "Serving", "serve"]
