"""The one local API over a library: what the daemon answers, the live pages are served by and other programs ask.

Made from one table, `verbs.VERBS`: a name, the method of `Library` behind it, its arguments and its result. Spoken as
HTTP and JSON over a Unix socket in the library, its owner's alone, or over loopback for the live pages. `Client` is the
asker's side and light. The room knows sockets, requests and who may ask; it refuses to know what an answer means.
Invariants: nothing listens on a network; what comes from outside is bounded in size, number and time; whoever is not
answered can always do without the server.
"""
