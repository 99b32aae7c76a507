"""The one write path for photos: compare folders and library, read, embed, commit, record failures.

`plan` compares, decides, and judges what is not there; `settling` says which files may be read, `work` reads, embeds
and commits, `scan` puts them in order. Invariants: a photo's row is committed before its file is marked done; a
batch is one commit; nothing is removed for a failure; killed at any step and run again, the same table comes out.
"""
