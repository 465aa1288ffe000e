"""First process of a node's pod: ``python3 -I -S pod_supervisor.py [--socket PATH] ENTRYPOINT ARGUMENT...``.

The pod is the node's place. The supervisor starts, ends, freezes and continues the node in it, so that the pod keeps
its address, its files and its log. The node's entry point runs in a session of its own, in the working directory of the
supervisor. Its output is the container's. A life of the node lasts until the entry point's process ends; processes that
it leaves behind are killed then. When the node ends by itself, the supervisor stays, and so does the evidence.

With ``NOMOS_POD_HOLD=1`` in its environment the supervisor waits for ``start``. Otherwise it starts the node at once.
SIGTERM ends the node and then the supervisor, with exit code 0: the node has ``--grace`` seconds, which must be fewer
than the pod's ``terminationGracePeriodSeconds``.

``pod_supervisor.py --bridge [--socket PATH]`` connects its standard input and output with the supervisor of the same
pod, by way of the Unix socket. It ends when either side ends. Several bridges may be open at once.

Each request is a JSON line of at most 8 MB:

    {"id": 1, "do": "status"}
    {"id": 2, "do": "start", "life": 1}
    {"id": 3, "do": "freeze"}
    {"id": 4, "do": "thaw"}
    {"id": 5, "do": "end", "life": 1, "grace": 5.0}
    {"id": 6, "do": "wipe"}
    {"id": 7, "do": "put", "path": "/var/lib/nomos/config.yaml", "content": "base64"}

``start`` starts the life of this number, which is one more than the last. ``end`` sends SIGTERM, and SIGKILL after
``grace`` seconds; its answer comes when the life is over. ``wipe`` empties the working directory. ``put`` replaces a
file. A client whose connection broke may send a request again: a life that was started is not started twice, and one
that is over is not ended twice.

The answer has the state of the node: the number of the last life (0 before the first), the process id of its entry
point, and how it ended, which is an exit code, or the number of a signal with a minus. ``status`` is null while the
life lasts:

    {"id": 2, "life": 1, "pid": 7, "status": null}

The answer to a request that fails is ``{"id": 5, "error": "grace: expected ..."}``. It begins with the field if the
request is invalid; ``id`` is null if the request has none. Each client also gets a line when a life begins or ends:

    {"event": "started", "life": 1, "pid": 7, "status": null}
    {"event": "ended", "life": 1, "pid": 7, "status": -9}

The module imports nothing of the project, and runs on Python 3.9 and later.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

DEFAULT_SOCKET = "/tmp/pod_supervisor.sock"
HOLD = "NOMOS_POD_HOLD"
LONGEST_LINE = 8 * 1024 * 1024
"""Bytes of a request, with its end."""
_DEFAULT_GRACE = 0.7
"""Seconds. A pod that is deleted has one second at least."""
_LONGEST_GRACE = 3600.0
_CHUNK = 256 * 1024
_LOOK_SECONDS = 0.02
"""Time between two looks at processes that the node has left behind."""
_LEFTOVER_SECONDS = 5.0
"""How long killed processes may take to be gone. A process in a system call can't be waited for without end."""
_CONNECT_SECONDS = 10.0
"""How long a bridge waits for the supervisor, which has just been started."""


class RequestError(ValueError):
    """A request is invalid. The text begins with the field. ``request_id`` is None if the request has no id."""

    def __init__(self, text: str, request_id: int | None) -> None:
        super().__init__(text)
        self.request_id = request_id


class Refused(Exception):
    """A valid request cannot be fulfilled. The text says why."""


class Request(NamedTuple):
    """A request. A field that the request does not have is empty."""

    id: int
    do: str
    life: int = 0
    grace: float = 0.0
    path: str = ""
    content: bytes = b""


def parse_request(line: bytes) -> Request:
    """Read a request.

    Raises:
        RequestError: not a JSON object, an unknown request, or a field that is missing or has another form.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"expected a line of JSON: {error}", None) from None
    if not isinstance(value, dict):
        raise RequestError(f"expected a JSON object, got {_shown(value)}", None)
    number = value.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        raise RequestError(f"id: expected a whole number, got {_shown(number)}", None)
    do = value.get("do")
    if not isinstance(do, str) or do not in _FIELDS:
        raise RequestError(f"do: expected one of {', '.join(_FIELDS)}, got {_shown(do)}", number)
    try:
        return Request(number, do, **{field: _PARSERS[field](value.get(field)) for field in _FIELDS[do]})
    except ValueError as error:
        raise RequestError(str(error), number) from None


def _life(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"life: expected a whole number from 1, got {_shown(value)}")
    return value


def _grace(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= _LONGEST_GRACE:
        raise ValueError(f"grace: expected seconds from 0 to {_LONGEST_GRACE:g}, got {_shown(value)}")
    return float(value)


def _path(value: Any) -> str:
    with suppress(TypeError, UnicodeEncodeError):
        if value and b"\0" not in os.fsencode(value):
            return str(value)
    raise ValueError(f"path: expected the path of a file, got {_shown(value)}")


def _content(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError) as error:
        raise ValueError(f"content: expected base64: {error}") from None


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value)
    except RecursionError:
        return "a value that is too deep"
    return text if len(text) <= 80 else f"{text[:80]}..."


_PARSERS: dict[str, Callable[[Any], Any]] = {"life": _life, "grace": _grace, "path": _path, "content": _content}
_FIELDS: dict[str, tuple[str, ...]] = {
    "status": (),
    "start": ("life",),
    "end": ("life", "grace"),
    "freeze": (),
    "thaw": (),
    "put": ("path", "content"),
    "wipe": (),
}
"""The fields of each request besides ``id`` and ``do``."""


class Node:
    """The node's program: its lives, one after another."""

    def __init__(self, argv: list[str]) -> None:
        self._argv = argv
        self.life = 0
        """Number of the last one; 0 before the first."""
        self.pid: int | None = None
        """That of the last life's entry point."""
        self.status: int | None = None
        """How the last life ended; None while it lasts."""
        self._exit_status: int | None = None
        """Set between the end of the entry point's process and that of the last process of its session."""
        self._kill_at: float | None = None
        self._give_up_at = 0.0

    @property
    def running(self) -> bool:
        return self.pid is not None and self.status is None

    def state(self) -> dict[str, Any]:
        return {"life": self.life, "pid": self.pid, "status": self.status}

    def start(self) -> None:
        """Begin a life.

        Raises:
            OSError: the entry point cannot be run.
        """
        self.pid = os.posix_spawn(
            self._argv[0],
            self._argv,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
            setsid=True,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores these
        )
        self.life += 1
        self.status = self._exit_status = self._kill_at = None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the node's session, of which most are in its first group."""
        if self.pid is None or not self.running:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
        for pid in _session(self.pid, without_group=self.pid):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def end(self, grace: float) -> None:
        """Ask the node to end. It is killed after ``grace`` seconds."""
        if grace > 0:
            self.send(signal.SIGTERM)
            self.send(signal.SIGCONT)  # a frozen process would not see the SIGTERM
        kill_at = time.monotonic() + grace
        self._kill_at = kill_at if self._kill_at is None else min(kill_at, self._kill_at)

    def seconds_to_next_look(self) -> float | None:
        """Return when ``look`` has something to do without a signal from a child."""
        if self._exit_status is not None:
            return _LOOK_SECONDS
        return None if self._kill_at is None else max(self._kill_at - time.monotonic(), 0.0)

    def look(self) -> bool:
        """Collect children that ended, and kill the node if it is time. Return whether a life is over now."""
        now = time.monotonic()
        self._collect_children(now)
        if self._exit_status is not None:
            if now < self._give_up_at and self.pid is not None and _session(self.pid):
                self.send(signal.SIGKILL)  # one of them may have started another
                return False
            self.status, self._exit_status, self._kill_at = self._exit_status, None, None
            return True
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            self.send(signal.SIGKILL)
        return False

    def _collect_children(self, now: float) -> None:
        """Collect all children that have ended: the node, and orphans that the kernel gives to the first process."""
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            if self.running and found.si_pid == self.pid:
                self.send(signal.SIGKILL)  # before it is collected: until then nothing else can have its number
                self._exit_status = os.waitstatus_to_exitcode(os.waitpid(found.si_pid, 0)[1])
                self._give_up_at = now + _LEFTOVER_SECONDS
            else:
                os.waitpid(found.si_pid, 0)


def _session(leader: int, *, without_group: int | None = None) -> list[int]:
    """Return the living processes of a session, but for those of one group."""
    members = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                state, _, group, session = file.read().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):  # it has ended
            continue
        if int(session) == leader and state not in "ZX" and int(group) != without_group:
            members.append(int(entry))
    return members


class Client:
    """A connection to the socket. It never blocks."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.open = True
        self._received = bytearray()

    def receive(self) -> list[bytes]:
        """Return the complete lines that have come."""
        try:
            chunk = self.connection.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            chunk = b""
        if not chunk:
            self.open = False
            return []
        searched = len(self._received)
        self._received += chunk
        end = self._received.rfind(b"\n", searched)
        lines = bytes(self._received[:end]).split(b"\n") if end >= 0 else []
        del self._received[: end + 1]
        if any(len(line) >= LONGEST_LINE for line in (*lines, self._received)):
            self.send({"id": None, "error": f"expected a line of at most {LONGEST_LINE} bytes"})
            self.open = False
            return []
        return lines

    def send(self, message: dict[str, Any]) -> None:
        """Send a line. A client that has left so much unread that there is no room for it is dropped."""
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        try:
            sent = self.connection.send(line)
        except OSError:
            sent = 0
        if sent < len(line):
            self.open = False


class Supervisor:
    """The loop of the first process: signals, clients, and the node."""

    def __init__(self, argv: list[str], socket_path: str, *, grace: float) -> None:
        self._node = Node(argv)
        self._socket_path = socket_path
        self._grace = grace
        self._clients: list[Client] = []
        self._ending: list[tuple[Client, int]] = []
        """The clients, and the ids of their requests, that wait for the end of the life."""
        self._terminations = 0
        """How often this process was told to end."""
        self._obeyed = 0
        self._selector = selectors.DefaultSelector()

    def run(self, *, hold: bool) -> int:
        """Serve until SIGTERM, and return the exit code."""
        self._hear_signals()
        if not hold:
            try:
                self._start()
            except Refused:
                return 1
        listener = self._listen()
        while not self._terminations or self._node.running:
            for key, _ in self._selector.select(self._node.seconds_to_next_look()):
                key.data()
            if self._terminations > self._obeyed:
                # Who asks twice does not want to wait.
                self._node.end(self._grace if self._obeyed == 0 else 0.0)
                self._obeyed = self._terminations
            if self._node.look():
                self._announce_end()
            self._forget_clients()
        listener.close()
        with suppress(OSError):
            os.unlink(self._socket_path)
        return 0

    def _hear_signals(self) -> None:
        reading, writing = socket.socketpair()
        for end in (reading, writing):
            end.setblocking(False)
        self._selector.register(reading, selectors.EVENT_READ, lambda: reading.recv(_CHUNK))
        # The number that comes through the socket is of no use: the handlers have noted what there is to do.
        signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note_termination)

    def _note_termination(self, *_: object) -> None:
        self._terminations += 1

    def _listen(self) -> socket.socket:
        with suppress(FileNotFoundError):
            os.unlink(self._socket_path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self._socket_path)
        listener.listen()
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))
        return listener

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # it has gone again
            return
        client = Client(connection)
        self._clients.append(client)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._serve(client))

    def _serve(self, client: Client) -> None:
        for line in client.receive():
            number = None
            try:
                request = parse_request(line)
                number = request.id
                if self._fulfil(client, request):
                    client.send({"id": number, **self._node.state()})
            except RequestError as error:
                client.send({"id": error.request_id, "error": str(error)})
            except Refused as error:
                client.send({"id": number, "error": str(error)})
            except Exception as error:  # the node must not end because of a mistake here
                traceback.print_exc()
                client.send({"id": number, "error": f"the supervisor failed: {error!r}"})

    def _fulfil(self, client: Client, request: Request) -> bool:
        """Do what is requested. Return whether it is done; False if the end of the life is still to come.

        Raises:
            Refused: it cannot be done.
        """
        if request.do == "start":
            self._start_life(request.life)
        elif request.do == "end":
            return self._end_life(client, request)
        elif request.do in _SIGNALS:
            if not self._node.running:
                raise Refused("the node does not run")
            self._node.send(_SIGNALS[request.do])
        elif request.do == "put":
            _replace_file(request.path, request.content)
        elif request.do == "wipe":
            if self._node.running:
                raise Refused("the node runs: its files can be wiped when it has ended")
            _empty(os.getcwd())
        return True

    def _start_life(self, life: int) -> None:
        if life == self._node.life:  # an answer that got lost
            return
        if self._terminations:
            raise Refused("the pod is ending")
        if life != self._node.life + 1:
            raise Refused(f"life: expected {self._node.life + 1}, the next one, got {life}")
        if self._node.running:
            raise Refused(f"the node runs already, with the pid {self._node.pid}")
        self._start()

    def _end_life(self, client: Client, request: Request) -> bool:
        if request.life > self._node.life:
            raise Refused(f"life: expected {self._node.life} at most, the last one, got {request.life}")
        if request.life < self._node.life or not self._node.running:
            return True
        self._node.end(request.grace)
        self._ending.append((client, request.id))
        return False

    def _start(self) -> None:
        _tell(f"the node starts: life {self._node.life + 1}")  # before the node's first line
        try:
            self._node.start()
        except OSError as error:
            refusal = f"the node's entry point cannot be run: {_described(error)}"
            _tell(refusal)
            raise Refused(refusal) from error
        self._announce("started")

    def _announce_end(self) -> None:
        assert self._node.status is not None
        _tell(f"the node ended: {_described_status(self._node.status)}")
        self._announce("ended")
        for client, number in self._ending:
            client.send({"id": number, **self._node.state()})
        self._ending.clear()

    def _announce(self, event: str) -> None:
        for client in self._clients:
            client.send({"event": event, **self._node.state()})

    def _forget_clients(self) -> None:
        """Forget the clients that have gone."""
        for client in self._clients:
            if not client.open:
                self._selector.unregister(client.connection)
                client.connection.close()
        self._clients = [client for client in self._clients if client.open]
        self._ending = [(client, number) for client, number in self._ending if client.open]


_SIGNALS = {"freeze": signal.SIGSTOP, "thaw": signal.SIGCONT}


def _replace_file(path: str, content: bytes) -> None:
    fresh = f"{path}.new"
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with open(fresh, "wb") as file:
            file.write(content)
        os.replace(fresh, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(fresh)
        raise Refused(f"{path} cannot be written: {_described(error)}") from error


def _empty(directory: str) -> None:
    """Remove all that is in a directory, but not the directory, which may be a mount."""
    if directory == "/":
        raise Refused("the working directory is /, which is not wiped; set the container's workingDir")
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
    except OSError as error:
        raise Refused(f"{directory} cannot be wiped: {_described(error)}") from error


def _described(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


def _described_status(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def _tell(what: str) -> None:
    """Write a line to the container's log, among the lines of the node, in one piece."""
    with suppress(OSError):
        os.write(2, f"pod_supervisor: {os.uname().nodename}: {what}\n".encode())


def bridge(socket_path: str) -> int:
    """Connect standard input and output with the supervisor until either side ends, and return the exit code."""
    try:
        connection = _connected(socket_path)
    except OSError as error:
        print(f"pod_supervisor: no supervisor answers at {socket_path}: {error.strerror}", file=sys.stderr)
        return 1
    # The writes may block: the supervisor always reads, and a standard output that nobody reads leaves nothing to do.
    with connection, selectors.DefaultSelector() as selector, suppress(ConnectionError):
        selector.register(connection, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is connection:
                    chunk = connection.recv(_CHUNK)
                    _write_output(chunk)
                else:
                    chunk = os.read(0, _CHUNK)
                    try:
                        connection.sendall(chunk)
                    except ConnectionError:  # the supervisor has closed it; its last answer is still to be read
                        selector.unregister(0)
                if not chunk:
                    return 0
    return 0


def _connected(socket_path: str) -> socket.socket:
    deadline = time.monotonic() + _CONNECT_SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(socket_path)
            return connection
        except OSError as error:
            connection.close()
            if not isinstance(error, (FileNotFoundError, ConnectionRefusedError)) or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _write_output(chunk: bytes) -> None:
    while chunk:
        chunk = chunk[os.write(1, chunk) :]


def main() -> int:
    parser = argparse.ArgumentParser(prog="pod_supervisor.py")
    parser.add_argument("--socket", default=DEFAULT_SOCKET, help="the Unix socket (default %(default)s)")
    grace_help = "seconds that the node has to end after SIGTERM (default %(default)g)"
    parser.add_argument("--grace", type=float, default=_DEFAULT_GRACE, help=grace_help)
    parser.add_argument("--bridge", action="store_true", help="connect standard input and output with the supervisor")
    parser.add_argument("entry_point", nargs=argparse.REMAINDER, help="the node's entry point and its arguments")
    arguments = parser.parse_args()
    if arguments.bridge:
        return bridge(arguments.socket)
    if not arguments.entry_point:
        parser.error("expected the node's entry point, or --bridge")
    supervisor = Supervisor(arguments.entry_point, arguments.socket, grace=arguments.grace)
    return supervisor.run(hold=os.environ.get(HOLD) == "1")


if __name__ == "__main__":
    sys.exit(main())
