"""The pages of one library, live, for one person at this computer: `vecclust ui`.

Handlers and templates on the app of `server`, on 127.0.0.1 only; `server.access` decides who gets in.
Reads a library that is open for reading; each change opens it for writing for that moment. What computes for long
(a refit, a map) runs in a process of its own, so that the pages answer meanwhile and Ctrl-C ends everything at once.
"""

from vecclust.web.opener import LibraryOpener
from vecclust.web.serving import WebServer, serve

__all__ = ["LibraryOpener", "WebServer", "serve"]
