"""Who gets in: every refused way, tried with real requests on real sockets."""

from __future__ import annotations

import re
import socket

import pytest

from tests.web.served import Answer, Served
from vecclust.server.access import HEADERS


def refused(answer: Answer, status: int) -> None:
    """Hold that a refusal says nothing of the library and carries every header."""
    assert answer.status == status, answer.body[:200]
    assert len(answer.body) < 200
    assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS)


def test_it_listens_on_loopback_alone(served: Served) -> None:
    """Not on the other addresses of this computer, of which loopback's own neighbours are the nearest."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", served.port), timeout=5)


def test_the_key_is_exchanged_for_a_cookie_and_leaves_the_address(served: Served) -> None:
    """HttpOnly, strict, named by the port; another secret than the one in the address."""
    answer = served.ask("GET", "/?" + served.address.partition("?")[2], {"Host": served.host})
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(rf"vecclust-{served.port}=[\w-]{{43}}; HttpOnly; Path=/; SameSite=strict", cookie), cookie
    assert served.address.partition("=")[2] not in cookie
    assert served.get("/").status == 200


@pytest.mark.parametrize(
    "target", ["/", "/photo/" + 64 * "0", "/original/" + 64 * "0", "/events", "/asset/live.js", "/nowhere", "/map"]
)
def test_without_the_key_nothing_is_seen(served: Served, target: str) -> None:
    """Not a page, not a picture, not even which pages there are."""
    refused(served.ask("GET", target, {"Host": served.host}), 401)


@pytest.mark.parametrize("token", ["", "wrong", "%C3%A9", "%FF%FE", "%ED%A0%80", "%00", "a&token=b", 5000 * "a"])
def test_a_wrong_key_is_refused_whatever_its_bytes(served: Served, token: str) -> None:
    """Also one that is not ASCII, which `compare_digest` refuses as text."""
    refused(served.ask("GET", f"/?token={token}", {"Host": served.host}), 403)


@pytest.mark.parametrize("value", ["", "wrong", "\xe9\xff", '"', "=", ";;;"])
def test_a_wrong_cookie_is_refused_whatever_its_bytes(served: Served, value: str) -> None:
    """And one that was meant for another port."""
    refused(served.ask("GET", "/", {"Host": served.host, "Cookie": f"vecclust-{served.port}={value}"}), 401)
    secret = served.cookie.partition("=")[2]
    refused(served.ask("GET", "/", {"Host": served.host, "Cookie": f"vecclust-{served.port + 1}={secret}"}), 401)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "127.1:PORT", ""])
def test_a_foreign_host_is_refused(served: Served, host: str) -> None:
    """A name that somebody made lead here (DNS rebinding), even with the cookie."""
    named = host.replace("PORT", str(served.port))
    refused(served.ask("GET", "/", {"Host": named, "Cookie": served.cookie}), 421)


def test_localhost_is_this_server_too(served: Served) -> None:
    """People type it."""
    answer = served.ask("GET", "/", {"Host": f"localhost:{served.port}", "Cookie": served.cookie})
    assert answer.status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_other_sites_are_refused(served: Served, site: str) -> None:
    """Also another port of this computer, which is the same site."""
    refused(served.get("/", Sec_Fetch_Site=site), 403)
    refused(served.post("/fit/forget", Sec_Fetch_Site=site), 403)


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null", "https://127.0.0.1:PORT", ""])
def test_a_foreign_origin_is_refused(served: Served, origin: str) -> None:
    """For reading and for writing; `null` is anybody's."""
    named = origin.replace("PORT", str(served.port))
    refused(served.get("/", Origin=named), 403)
    refused(served.post("/fit/forget", Origin=named), 403)


def test_a_change_says_where_it_comes_from(served: Served) -> None:
    """By its origin, or by what the browser vouches for; neither is refused, `none` is an address typed in."""
    headers = {"Host": served.host, "Cookie": served.cookie}
    refused(served.ask("POST", "/fit/forget", headers, body=b""), 403)
    refused(served.ask("POST", "/fit/forget", headers | {"Sec-Fetch-Site": "none"}, body=b""), 403)
    for known in ({"Origin": served.origin}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}):
        assert served.ask("POST", "/fit/forget", headers | known, body=b"").status == 303


@pytest.mark.parametrize("target", ["/cluster/c1/name", "/cluster/c1/merge", "/photos", "/words/w1/back"])
def test_nobody_else_says_anything_of_clusters(served: Served, target: str) -> None:
    """No cookie, a foreign host, a foreign origin, no origin: all refused before the form is read."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    known = {"Host": served.host, "Cookie": served.cookie, "Origin": served.origin, **form}
    refused(served.ask("POST", target, {**known, "Cookie": "other=1"}, body=b"name=x"), 401)
    refused(served.ask("POST", target, {**known, "Host": "evil.example"}, body=b"name=x"), 421)
    refused(served.ask("POST", target, {**known, "Origin": "http://evil.example"}, body=b"name=x"), 403)
    refused(served.ask("POST", target, {"Host": served.host, "Cookie": served.cookie, **form}, body=b"name=x"), 403)


@pytest.mark.parametrize(
    "target",
    [
        "/cluster/c1/name", "/cluster/c1/merge", "/photos", "/words/w1/back", "/runs/r1/current", "/fit", "/fit/adopt",
        "/fit/forget", "/dropped",
    ],
)  # fmt: skip
def test_nothing_changes_by_a_get(served: Served, target: str) -> None:
    """A link, a picture's address, a prefetch."""
    assert served.get(target).status == 405


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_lead_nowhere(served: Served, method: str) -> None:
    """And no other site is ever told that it may ask (CORS)."""
    answer = served.ask(method, "/", {"Host": served.host, "Cookie": served.cookie, "Origin": served.origin})
    assert answer.status == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("target", ["/", "/nowhere", "/cluster/c999", "/map", "/runs", "/unclustered"])
def test_every_answer_carries_the_headers(served: Served, target: str) -> None:
    """Errors too."""
    answer = served.get(target)
    assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS)
    assert "server" not in answer.headers


TRAVERSALS = (
    "/original/../../../../etc/passwd", "/original/..%2f..%2f..%2fetc%2fpasswd", "/original/%2e%2e/%2e%2e/etc/passwd",
    "/original//etc/passwd", "/original/%2fetc%2fpasswd", "/thumbnail/..%2flibrary", "//etc/passwd", "/../etc/passwd",
    "/asset/../__init__.py", "/asset/..%2f__init__.py", "/asset/live.css", "/asset/live.html", "/asset/", "/asset/%00",
    "/asset/..%5clive.js", "/map/sheet/..%2f..%2fetc/0.webp", "/vecclust/server/access.py", "/album/05.jpg",
    "/dropped/..%2f1/picture", "/photo/" + 64 * "A", "/original/" + 63 * "0", "/original/" + 65 * "0",
)  # fmt: skip


@pytest.mark.parametrize("target", TRAVERSALS)
def test_no_path_leads_to_a_file(served: Served, target: str) -> None:
    """Neither up, nor into vecclust's own source, nor to a photo by its name."""
    answer = served.get(target)
    assert answer.status == 404, target
    assert b"root:" not in answer.body
    assert b"def " not in answer.body


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/unclustered?page=%C2%B2", 400),
        ("/unclustered?page=0", 400),
        ("/unclustered?page=-1", 400),
        ("/unclustered?page=99", 404),
        ("/unclustered?page=" + 5000 * "9", 400),
        ("/cluster/c%C2%B2", 404),
        ("/cluster/c0", 404),
        ("/cluster/c%D9%A1", 404),
        ("/dropped/%C2%B2", 404),
        ("/map/sheet/x/%C2%B2.webp", 404),
    ],
)
def test_a_number_is_one_of_ascii_digits(served: Served, target: str, status: int) -> None:
    """`isdigit` takes a superscript two, and `int` an Arabic one: neither is a page."""
    assert served.get(target).status == status
