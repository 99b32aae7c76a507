"""Events, trips and places of a library: found anew from its photos, known again by their ids, read out, corrected.

`found` goes from photos to groups, `identity` from groups to the ids they had before, `shown` lays over them what the
owner said, `answers` reads them out. Nothing is kept of a photo but what is in its row: what is found is a cache, and
only which group has which id cannot be derived.
"""
