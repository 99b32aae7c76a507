"""What is relied on of uvicorn beside its documented interface: told by name when a version no longer has it."""

from __future__ import annotations

import inspect

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol


def test_uvicorn_has_what_serving_relies_on() -> None:
    """`server/serving.py` hangs up on silent connections by these."""
    said = f"uvicorn {uvicorn.__version__} no longer has {{}}: server/serving.py reads it to hang up on who is silent"
    source = inspect.getsource(H11Protocol.__init__)
    for name in ("self.cycle", "self.transport", "self.loop"):
        assert name in source, said.format(name)
    assert "connection_made" in vars(H11Protocol), said.format("connection_made")
    assert "sockets" in inspect.signature(uvicorn.Server.run).parameters, said.format("Server.run(sockets=...)")
