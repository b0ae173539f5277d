"""Serves the page: read-only, to whoever reaches the port.

Nothing is asked of the cluster for it and nothing is written. The page is drawn in a thread, one at a time, so that
many people who look at it hold up neither the event loop nor each other's requests for long.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from importlib.resources import files
from ipaddress import ip_address
from typing import Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from ..loops.bounded_site import served
from ..world.containment import Containment
from ..world.snapshot import World
from ..worth.measured import Machine
from ..worth.reported_day import ReportedDays
from .nodes import Choice
from .overview import Overview, Seen, overview

_STATIC: Final = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_TEMPLATES: Final = Environment(
    loader=PackageLoader("powercap_operator.page"),
    autoescape=True,  # whatever comes from the cluster
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_LONGEST_CHOICE: Final = 253
_HEADERS: Final = {
    # Nothing from elsewhere, nothing inline, in no frame.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


def is_own_host(host: str, allowed: frozenset[str]) -> bool:
    """Whether a request's Host names this server in a way that no stranger's name can.

    A page of another site can have its own name resolve to 127.0.0.1, and read through the browser of a person who
    forwards the port: such names are refused. Addresses, ``localhost``, names without a dot, those of Services and the
    ``allowed`` ones are not.
    """
    name = host.rsplit(":", 1)[0] if host.rfind(":") > host.rfind("]") else host
    name = name.removeprefix("[").removesuffix("]").lower()
    if "." not in name and ":" not in name:
        return True
    if name in allowed or name.endswith((".localhost", ".svc", ".svc.cluster.local")):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def render(shown: Overview) -> str:
    """The page as HTML."""
    return _TEMPLATES.get_template("page.html").render(page=shown)


def page(
    at: tuple[str, int] | None,
    hosts: frozenset[str],
    seen: Callable[[], Seen],
    now: Callable[[], datetime],
    machine: Machine | None,
) -> AbstractAsyncContextManager[None]:
    return served(application(hosts, seen, now, machine), at)


def application(
    hosts: frozenset[str], seen: Callable[[], Seen], now: Callable[[], datetime], machine: Machine | None
) -> web.Application:
    """What answers. ``seen`` is called on the event loop."""
    drawing, reported, containment = asyncio.Lock(), ReportedDays(machine), Containment("the page")

    def drawn(known: Seen, choice: Choice, moment: datetime) -> str:
        def of(world: World) -> str:
            days = reported.at(world.reports, moment)
            return render(overview(replace(known, world=world), choice, moment, days))

        return containment.run(known.world, of)

    async def index(request: web.Request) -> web.Response:
        choice = Choice(
            text=request.query.get("q", "")[:_LONGEST_CHOICE],
            state=request.query.get("state", "")[:_LONGEST_CHOICE],
            everything="all" in request.query,
        )
        async with drawing:
            text = await asyncio.to_thread(drawn, seen(), choice, now())
        response = web.Response(text=text, content_type="text/html", charset="utf-8")
        response.enable_compression()
        return response

    async def static(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in _STATIC:
            raise web.HTTPNotFound(text="there is only the page, at /\n")
        return web.Response(
            body=(files("powercap_operator.page") / "static" / name).read_bytes(),
            content_type=_STATIC[name],
            charset="utf-8",
        )

    @web.middleware
    async def own_host_only(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not is_own_host(request.host, hosts):
            return web.Response(
                status=421, text="not served under this name: see --page-host, operator.page.hosts\n"
            )
        return await handler(request)

    async def headers(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)
        response.headers.popall("Server", None)

    app = web.Application(middlewares=[own_host_only])
    app.on_response_prepare.append(headers)
    app.add_routes([web.get("/", index), web.get("/{name}", static)])
    return app
