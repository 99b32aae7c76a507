"""vecclust keeps a photo collection organised by what the pictures show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vecclust.library.library import Library as Library
    from vecclust.server.client import Client as Client

__all__ = ["Client", "Library", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import what is public at first use, so that `import vecclust` costs nothing."""
    if name == "Library":
        from vecclust.library.library import Library

        return Library
    if name == "Client":
        from vecclust.server.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
