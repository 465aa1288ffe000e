"""Log lines: their shape, where they go, and which are kept."""

from __future__ import annotations

import json
import logging
import re
import socket
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import nomos_node
from nomos_node.telemetry.hourly_file import HourlyFileHandler
from nomos_node.telemetry.levels import TRACE, parse_level
from nomos_node.telemetry.log_setup import LogSettings, LogSetupError, ToFile, ToGelf, ToNowhere, install_logging
from nomos_node.telemetry.target_filter import TargetFilter
from nomos_node.telemetry.targets import LIBRARIES, TARGETS


@pytest.fixture(autouse=True)
def root_logger_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers = root.handlers[:]
    levels = {name: logging.getLogger(name).level for name in (None, *TARGETS, *LIBRARIES)}
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _written(directory: Path) -> str:
    return "".join(file.read_text() for file in directory.iterdir())


def test_a_line_has_time_level_target_and_no_colour_codes(tmp_path: Path) -> None:
    install_logging(LogSettings(ToFile(tmp_path / "logs", "node")))
    logging.getLogger("chain_leader").info("Received SlotTick for slot %d, ep %d", 3, 0)
    (file,) = (tmp_path / "logs").iterdir()
    assert re.fullmatch(r"node\.\d{4}-\d\d-\d\d-\d\d", file.name)
    line = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z  INFO chain_leader: Received SlotTick for slot 3, ep 0\n"
    assert re.fullmatch(line, file.read_text())


def test_a_line_break_in_a_message_is_escaped(tmp_path: Path) -> None:
    install_logging(LogSettings(ToFile(tmp_path, "node")))
    logging.getLogger("nomos_http").warning("first\nsecond")
    assert _written(tmp_path).endswith("WARN nomos_http: first\\nsecond\n")


def test_a_new_hour_begins_a_new_file(tmp_path: Path) -> None:
    handler = HourlyFileHandler(tmp_path, "node")
    record = logging.makeLogRecord({"msg": "late"})
    record.created += 3600
    handler.emit(logging.makeLogRecord({"msg": "now"}))
    handler.emit(record)
    handler.close()
    later = datetime.fromtimestamp(record.created, UTC).strftime("node.%Y-%m-%d-%H")
    assert (tmp_path / later).read_text() == "late\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_directory_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogSetupError, match=f"can't write log files in {tmp_path}/file/logs: Not a directory"):
        install_logging(LogSettings(ToFile(tmp_path / "file" / "logs")))


@pytest.mark.parametrize("name", ["consensus", "nomos_consensus"])
def test_a_filter_name_matches_with_and_without_the_prefix(name: str) -> None:
    kept = TargetFilter(logging.INFO, {name: TRACE})
    assert kept.threshold("nomos_consensus") == TRACE
    assert kept.threshold("nomos_mempool") == logging.INFO


def test_the_longest_matching_filter_decides() -> None:
    kept = TargetFilter(
        logging.INFO, {"da": logging.DEBUG, "nomos_da_sampling": logging.ERROR, "nomos": logging.WARNING}
    )
    assert kept.threshold("nomos_da_verifier") == logging.DEBUG
    assert kept.threshold("nomos_da_sampling") == logging.ERROR
    assert kept.threshold("nomos_mempool") == logging.WARNING
    assert kept.threshold("chain_leader") == logging.INFO


def test_lines_below_the_level_are_not_written(tmp_path: Path) -> None:
    install_logging(LogSettings(ToFile(tmp_path, "node"), logging.WARNING, {"mempool": logging.DEBUG}))
    logging.getLogger("nomos_consensus").info("dropped")
    logging.getLogger("nomos_mempool").debug("kept")
    assert "kept" in _written(tmp_path)
    assert "dropped" not in _written(tmp_path)


def test_a_line_that_nobody_wants_is_not_made() -> None:
    install_logging(LogSettings(ToNowhere(), logging.INFO, {"consensus": TRACE, "nomos_http": logging.ERROR}))
    assert logging.getLogger("nomos_consensus").isEnabledFor(TRACE)
    assert not logging.getLogger("nomos_mempool").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("nomos_http").isEnabledFor(logging.WARNING)


def test_libraries_are_heard_from_warnings_up_unless_they_are_named(tmp_path: Path) -> None:
    install_logging(LogSettings(ToFile(tmp_path, "node"), TRACE, {"libp2p": logging.DEBUG}))
    for name in ("quic", "asyncio", "some_library", "libp2p.network.swarm"):
        logging.getLogger(name).info("a line of %s", name)
    logging.getLogger("quic").warning("a warning")
    logging.getLogger("chain_network").log(TRACE, "a line of ours")
    lines = [line.split("Z ", 1)[1] for line in _written(tmp_path).splitlines()]
    assert lines == [
        " INFO libp2p.network.swarm: a line of libp2p.network.swarm",
        " WARN quic: a warning",
        "TRACE chain_network: a line of ours",
    ]


def test_every_logger_of_the_node_is_a_target_that_a_filter_can_name() -> None:
    sources = Path(nomos_node.__file__).parent.rglob("*.py")
    named = {name for file in sources for name in re.findall(r'getLogger\("(\w+)"\)', file.read_text())}
    assert named == set(TARGETS)


def test_an_unknown_level_lists_the_known_ones() -> None:
    assert parse_level("Warn") == logging.WARNING
    with pytest.raises(ValueError, match="unknown log level 'loud': expected one of trace, debug, info"):
        parse_level("loud")


def test_gelf_messages_carry_the_target_and_the_level() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        install_logging(LogSettings(ToGelf("127.0.0.1", server.getsockname()[1])))
        logging.getLogger("nomos_mempool").error("full")
        message = json.loads(zlib.decompress(server.recv(65536)))
    assert (message["version"], message["short_message"], message["level"]) == ("1.1", "full", 3)
    assert message["_target"] == "nomos_mempool"
