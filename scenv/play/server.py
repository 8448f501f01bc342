"""Serving the application from this machine, and opening it in a browser."""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
import webbrowser

import uvicorn

from scenv.errors import ScenvError
from scenv.play.app import make_app
from scenv.play.setup import PlaySettings

__all__ = ["addresses", "is_loopback", "serve"]

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def serve(settings: PlaySettings, host: str, port: int, *, open_browser: bool) -> None:
    """Serve until interrupted.

    Args:
        settings: what to offer.
        host: the address to listen on.
        port: the port, 0 for any that is free.
        open_browser: whether to open the page.

    Raises:
        ScenvError: if nothing can listen there.
    """
    allowed = _LOOPBACK_NAMES if is_loopback(host) else ("*",)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ScenvError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; try another --port"
        ) from error
    listener.listen(128)
    local, shared = addresses(host, listener.getsockname()[1])
    app = make_app(settings, allowed)
    print(f"the game is at {local}   (Ctrl-C ends it)", flush=True)
    if shared:
        print(f"for others in this network: {shared}", flush=True)
    if open_browser:
        threading.Timer(0.5, webbrowser.open, (local,)).start()
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=30)
    with listener:
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            print(file=sys.stderr)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches this address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def addresses(host: str, port: int) -> tuple[str, str]:
    """(the page's address on this machine, its address for others or "")."""
    bracketed = f"[{host}]" if ":" in host else host
    if is_loopback(host):
        return f"http://{bracketed}:{port}/", ""
    everywhere = host in ("0.0.0.0", "::")
    name = _own_address() if everywhere else bracketed
    return f"http://{'127.0.0.1' if everywhere else name}:{port}/", f"http://{name}:{port}/"


def _own_address() -> str:
    """The address by which the network knows this machine; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
