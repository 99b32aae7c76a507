"""What a cluster may be called, and when two names are one.

A name stands where an id can stand, in terminals, pages and file names: it is text of one line, is not taken for an id
or a word of the commands, and differs from others by more than case. Names of earlier days may be anything.
"""

from __future__ import annotations

import re
import unicodedata

from vecclust.errors import UsageError

LONGEST_NAME = 80
# Where a cluster is asked for these mean something else.
RESERVED_NAMES = frozenset({"unclustered", "noise", "all", "none"})
_ID = re.compile("[cetp][0-9]+")
# Unicode's bidirectional controls: they turn what stands around a name.
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Control characters, halves of letters, ends of lines and of paragraphs. Joiners stay: emoji and Persian need them.
_REFUSED = frozenset({"Cc", "Cs", "Zl", "Zp"})


def name_key(name: str) -> str:
    """Give what two names have in common that a person takes for one: case, width, white space and what is unseen.

    Args:
        name: any text.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(letter for letter in folded if unicodedata.category(letter) != "Cf")
    return " ".join(seen.split())


def checked_name(name: str) -> str:
    """Give a name as it is kept: composed letters, no white space around it.

    Args:
        name: as it was given.

    Raises:
        UsageError: it is empty, too long, an id, a word that commands take for something else, or no text of one line.
    """
    kept, key = unicodedata.normalize("NFC", name.strip()), name_key(name)
    hint = "Choose another name."
    refused = next((one for one in kept if one in _DIRECTION or unicodedata.category(one) in _REFUSED), None)
    if refused is not None:
        raise UsageError(f"a cluster's name is text of one line, without {refused!a}", hint=hint)
    if not key:
        raise UsageError("a cluster's name is not empty", hint=hint)
    if len(kept) > LONGEST_NAME:
        raise UsageError(f"a cluster's name has {LONGEST_NAME} letters at most, this one {len(kept)}", hint=hint)
    if _ID.fullmatch(key) or key in RESERVED_NAMES:
        what = "a word that commands take for something else" if key in RESERVED_NAMES else "what ids look like"
        raise UsageError(f"“{kept}” cannot be a cluster's name: it is {what}", hint=hint)
    return kept
