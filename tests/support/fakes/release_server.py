"""A stand-in for the servers that circuits and KZG parameters are downloaded from, on loopback."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CIRCUITS: Mapping[str, bytes] = {
    "VERSION": b"v0.3.1\n",
    "prover": b"#!/bin/sh\n",
    "pol/witness_generator": b"#!/bin/sh\n",
    "zksign/witness_generator": b"#!/bin/sh\n",
    "zksign/proving_key.zkey": b"key",
    "zksign/verification_key.json": b"{}",
}


def archive(members: Mapping[str, bytes] = CIRCUITS, *, folder: str = "nomos-circuits") -> bytes:
    """A release's ``.tar.gz``: everything in one folder, programs executable."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(f"{folder}/{name}" if folder else name)
            info.size, info.mode = len(data), 0o644 if "." in name else 0o755
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


@dataclass
class ReleaseServer:
    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """By path."""
    busy: int = 0
    """So many requests are answered with 503 first."""
    asked: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)

    def publish(self, platform: str, data: bytes | None = None, version: str = "v0.3.1") -> None:
        name = f"nomos-circuits-{version}-{platform}.tar.gz"
        self.files[f"/releases/{version}/{name}"] = archive() if data is None else data

    def answer(self, path: str, token: str | None) -> tuple[HTTPStatus, bytes]:
        self.asked.append(path)
        self.tokens.add(token)
        if self.busy:
            self.busy -= 1
            return HTTPStatus.SERVICE_UNAVAILABLE, b""
        if path not in self.files:
            return HTTPStatus.NOT_FOUND, b""
        return HTTPStatus.OK, self.files[path]


@contextmanager
def release_server() -> Iterator[ReleaseServer]:
    server = ReleaseServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = server.answer(self.path, self.headers.get("authorization"))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Requests are in ``asked``."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
