"""`vecclust.Library`: a directory opened, with its verbs; how what is stored becomes an answer.

`queries` is the one read path, `ingest` the one write path for photos, `edits` the one for what the owner says; `runs`
fits and labels, `pages` holds the data of galleries and maps. Refuses to know HTTP, terminals and HTML.
"""
