"""What a cluster may be called, and when two names are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecclust.errors import UsageError
from vecclust.types.names import LONGEST_NAME, checked_name, name_key


@pytest.mark.parametrize(
    "name",
    [
        "Glacier lagoon", "Oma's \"Garten\" 😀", "日本の山々", "👨\u200d👩\u200d👧", "🏴\U000e0067\U000e0062\U000e007f",
        "\u06a9\u062a\u0627\u0628\u200c\u0647\u0627",
        "c", "c5 days", "call", "2019", "-v", "Unclustered beach", "x" * LONGEST_NAME,
    ],
)  # fmt: skip
def test_text_of_one_line_is_a_name(name: str) -> None:
    """Emoji with their joiners, any script, whatever only begins like an id."""
    assert checked_name(f"  {name} ") == name


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "\u200d", "\u00a0", "c5", "C12", "c0", "c\uff10\uff11",
        "c\u200b7", "unclustered", "Unclustered", "NOISE", "all",
        "none", "a\nb", "a\tb", "x\x1b[2J", "x\x07", "\x7f", "\x85", "a\u2028b", "a\u2029b", "\u202egpj", "a\u200eb",
        "a\u2066b", "\u061c", "\udcff", "x" * (LONGEST_NAME + 1),
    ],
)  # fmt: skip
def test_what_is_no_name_is_refused(name: str) -> None:
    """Ids and words of the commands, in any case and width; control and direction characters; nothing, or too much."""
    with pytest.raises(UsageError) as caught:
        checked_name(name)
    assert caught.value.hint


@given(st.text())
def test_a_kept_name_is_kept_again(name: str) -> None:
    """Whatever was accepted is one printable line, stands for itself and has a key of its own."""
    try:
        kept = checked_name(name)
    except UsageError:
        return
    assert checked_name(kept) == kept
    assert name_key(kept)
    assert name_key(name_key(kept)) == name_key(kept) == name_key(name)
    assert len(kept.splitlines()) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("Straße", "STRASSE"), ("Zu\u0308rich", "ZÜRICH"), ("a  b", "A b"), ("a\u200bb", "ab"), ("\uff21", "a")],
)
def test_names_are_one_where_people_take_them_for_one(one: str, other: str) -> None:
    """Case, composition, white space, width and what is unseen make no difference."""
    assert name_key(one) == name_key(other)
