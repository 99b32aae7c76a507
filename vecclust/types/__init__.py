"""What travels between rooms: stored records, results of verbs, edits, and what pages show.

Frozen, slotted dataclasses, one file a subject, without behaviour beyond what their fields say. Paths are `str` as
`os.fsdecode` gives them (bytes that are not UTF-8 travel as surrogate escapes). A photo is named by the SHA-256 of its
file's bytes in lower-case hex. Times of files and rows are integers in nanoseconds since the epoch; the time a photo
was taken is a datetime, naive where its zone is unknown.
"""
