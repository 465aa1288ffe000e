"""Blobs between node processes: dispersed, sampled, in blocks of both nodes; and one whose holder is killed in time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from nomos_core.da.dispersal_messages import max_blob_bytes
from nomos_core.da.reconstruction import reconstruct_blob
from nomos_core.da.shares import LightShare, Share
from nomos_core.da.shares_json import light_share_from_json, share_to_json
from nomos_core.identifiers import ROOT_MSG_ID, MsgId
from nomos_core.mantle.operations import ChannelBlob
from nomos_core.mantle.operations_binary import message_id
from nomos_core.mantle.transactions_json import transaction_from_json
from nomos_testing.configgen import ConfigOptions, NodeLogging, generate_topology
from nomos_testing.topology import TopologySpec, reserve_ports
from nomos_testing.topology.presets import DataAvailability
from support.processes.embedded_node import ENVIRONMENT, PROVER, Answer, NodeProcess, ask, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.network]

SLOT = 0.5
DATA = bytes(range(1, 32)) * 8
ZEROS = 64 * "0"
SIGNER = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"
"""Whatever a request says, executors sign with this key's secret."""
JSON = {"content-type": "application/json"}


@contextmanager
def network(directory: Path, spec: TopologySpec, kzg: Path) -> Iterator[Sequence[NodeProcess]]:
    """All nodes answer, and know their members."""
    options = ConfigOptions(kzg_params=kzg, logging=NodeLogging(level="DEBUG"))
    with reserve_ports(spec.node_count) as reservation:
        generated = generate_topology(spec, options, ports=reservation.nodes, prover=PROVER)
    with ExitStack() as stack:
        nodes = [stack.enter_context(NodeProcess(node.config, directory / node.name)) for node in generated.nodes]
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait_ready()
            wait_until("the connections of data availability", lambda node=node: node.get("/da/balancer-stats"))  # type: ignore[misc]
        yield nodes


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, kzg_file: Path) -> Iterator[Sequence[NodeProcess]]:
    """A validator and an executor."""
    spec = TopologySpec(validators=1, executors=1, slot_duration=SLOT)
    with network(tmp_path_factory.mktemp("pair"), spec, kzg_file) as nodes:
        yield nodes


def nomos_cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nomos_node.blob_cli", *arguments]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)


def url(node: NodeProcess) -> str:
    address = node.config.http.backend_settings.address
    return f"http://{address.host}:{address.port}"


def disperse(executor: NodeProcess, data: bytes, channel: int = 1, parent: MsgId = ROOT_MSG_ID) -> Answer:
    return executor.post(
        "/disperse-data",
        {"channel_id": f"{channel:064x}", "parent_msg_id": parent.hex(), "signer": SIGNER, "data": list(data)},
    )


def blob_operations(node: NodeProcess) -> list[ChannelBlob]:
    """Of the blocks above the LIB."""
    blocks = [node.post("/storage/block", header).json for header in node.get("/cryptarchia/headers")]
    transactions = [transaction_from_json(each) for block in blocks if block for each in block["transactions"]]
    operations = (operation for transaction in transactions for operation in transaction.mantle_tx.operations)
    return [operation for operation in operations if isinstance(operation, ChannelBlob)]


def in_block(node: NodeProcess, blob: bytes) -> ChannelBlob | None:
    return next((operation for operation in blob_operations(node) if operation.blob == blob), None)


def wait_in_block(node: NodeProcess, blob: bytes) -> ChannelBlob:
    return wait_until(f"blob {blob.hex()} to be in a block of {node.directory.name}", lambda: in_block(node, blob))


def get(node: NodeProcess, path: str, value: Any) -> Answer:
    return node.ask("GET", path, json.dumps(value).encode(), JSON)


def share_of(node: NodeProcess, blob: bytes, column: int) -> LightShare:
    return light_share_from_json(get(node, "/da/get-share", {"blob_id": list(blob), "share_idx": [column, 0]}).json)


def test_a_blob_published_with_nomos_cli_reaches_blocks_and_is_served_by_both(
    pair: Sequence[NodeProcess], tmp_path: Path
) -> None:
    executor = pair[1]
    file = tmp_path / "data"
    file.write_bytes(DATA)
    done = nomos_cli(
        "disseminate", "-c", f"{9:064x}", "-p", ZEROS, "-s", SIGNER, "-f", str(file), "--addr", url(executor)
    )
    assert done.returncode == 0, done.stderr
    blob = bytes.fromhex(done.stdout.split()[-1])
    for node in pair:
        operation = wait_in_block(node, blob)
        assert (operation.session, operation.blob_size, operation.signer.hex()) == (0, len(DATA), SIGNER)
        shares = [share_of(node, blob, column) for column in (0, 1)]
        assert reconstruct_blob(shares, 2, len(DATA)) == DATA
        stored = get(node, "/da/get-storage-commitments", {"blob_id": list(blob)}).json
        assert node.post("/da/get-commitments", {"blob_id": list(blob), "session": 0}).json == stored
        selection = {"blob_id": list(blob), "requested_shares": [[1, 0]], "filter_shares": [[0, 0]]}
        lines = get(node, "/da/sampling/shares", {**selection, "return_available": True}).text.splitlines()
        assert [light_share_from_json(json.loads(line)) for line in lines] == shares[1:]
        lines = get(node, "/da/sampling/shares", {**selection, "filter_shares": [], "return_available": True}).text
        assert len(lines.splitlines()) == 2
    rows = tuple(map(bytes, stored["rows_commitments"]))
    text = json.dumps([[[0] * 8, [share_to_json(Share(shares[0], rows))]]])
    assert nomos_cli("reconstruct", "-a", text).stdout == f"Reconstructed data {list(DATA)}\n"


def test_blobs_of_a_channel_follow_each_other(pair: Sequence[NodeProcess]) -> None:
    validator, executor = pair
    parent = ROOT_MSG_ID
    for data in (DATA[:31], DATA[:62]):
        answer = disperse(executor, data, channel=2, parent=parent)
        assert answer.status == 200, answer.text
        parent = message_id(wait_in_block(validator, bytes(answer.json)))


def test_the_listener_for_tests_knows_members_and_samples_again(pair: Sequence[NodeProcess]) -> None:
    executor = pair[1]
    blob = bytes(disperse(executor, DATA[:93], channel=3).json)
    for node in pair:
        address = node.config.testing_http.backend_settings.address
        membership = ask(address, "POST", "/test/da/membership", b"0", JSON).json
        peers = {peer for members in membership["assignations"].values() for peer in members}
        assert sorted(membership["assignations"]) == ["0", "1"]
        assert peers == set(membership["addressbook"])
        assert len(peers) == 2
        for wanted, found in ((list(blob), True), ([7] * 32, False)):
            request = json.dumps({"block_id": ZEROS, "blob_ids": [[wanted, 0]]}).encode()
            assert ask(address, "POST", "/test/da/historic-sampling", request, JSON).json is found


def test_bad_requests_get_a_sentence_and_the_nodes_live(pair: Sequence[NodeProcess]) -> None:
    validator, executor = pair
    too_large = b"x" * 31 * 700
    for data, status, reason in (
        (b"", 400, "a blob needs data: got 0 bytes"),
        (bytes(62), 400, "a blob can't be all zeros"),
        (DATA[:30], 400, "a blob's length must be a multiple of 31, got 30 bytes: append 1 zeros"),
        (too_large, 400, "the blob may have at most"),
    ):
        answer = disperse(executor, data)
        assert (answer.status, answer.text[: len(reason)]) == (status, reason)
    for body in ({"data": "text"}, [], {"channel_id": ZEROS, "parent_msg_id": ZEROS, "signer": SIGNER, "data": [256]}):
        assert executor.post("/disperse-data", body).status == 422
    assert disperse(validator, DATA).status == 404
    unknown = [7] * 32
    for node in pair:
        assert node.post("/da/get-commitments", {"blob_id": unknown, "session": 0}).text == "Failed to get range"
        answer = node.post("/da/get-commitments", {"blob_id": unknown, "session": 5})
        assert (answer.status, answer.text) == (500, "session 5 is not one that this node knows")
        assert get(node, "/da/get-share", {"blob_id": unknown, "share_idx": [0, 0]}).text == "null"
        assert get(node, "/da/get-share", {"blob_id": unknown, "share_idx": 0}).status == 422
        assert node.post("/da/add-share", {"share_idx": 1}).status == 422
        assert node.get("/cryptarchia/info")["height"] >= 0


def test_the_largest_blob_goes_all_the_way(pair: Sequence[NodeProcess]) -> None:
    data = (DATA * 100)[: max_blob_bytes(2)]
    refused = disperse(pair[1], data + DATA[:31], channel=5)
    assert (refused.status, refused.text) == (
        400,
        f"the blob may have at most {len(data)} bytes, got {len(data) + 31}: split the data",
    )
    answer = disperse(pair[1], data, channel=5)
    assert answer.status == 200, answer.text
    blob = bytes(answer.json)
    for node in pair:
        assert wait_in_block(node, blob).blob_size == len(data)
        assert reconstruct_blob([share_of(node, blob, 0)], 2, len(data)) == data


def test_a_share_may_be_added_by_hand_if_it_is_good(pair: Sequence[NodeProcess]) -> None:
    validator, executor = pair
    blob = bytes(disperse(executor, DATA[:124], channel=4).json)
    stored = get(validator, "/da/get-storage-commitments", {"blob_id": list(blob)}).json
    share = {**get(validator, "/da/get-share", {"blob_id": list(blob), "share_idx": [0, 0]}).json, **stored}
    assert validator.post("/da/add-share", share).text == "null"
    share["column"][0][0] ^= 1
    answer = validator.post("/da/add-share", share)
    assert (answer.status, answer.text) == (400, "the share is refused: the proof of column 0 does not hold")


def test_a_killed_member_serves_what_it_held_and_takes_part_again(tmp_path: Path, kzg_file: Path) -> None:
    spec = TopologySpec(validators=1, executors=1, slot_duration=SLOT)
    with network(tmp_path, spec, kzg_file) as nodes:
        validator, executor = nodes
        first = bytes(disperse(executor, DATA).json)
        parent = message_id(wait_in_block(validator, first))
        share = share_of(validator, first, 0)
        validator.kill()
        validator.start().wait_ready()
        assert share_of(validator, first, 0) == share
        answer = disperse(executor, DATA[31:], parent=parent)
        assert answer.status == 200, answer.text
        second = bytes(answer.json)
        for node in nodes:
            wait_in_block(node, second)
        assert share_of(validator, second, 0).column == share.column[1:]
        for node in nodes:
            code, seconds = node.terminate()
            assert (code, seconds < 1) == (0, True), f"{node.directory.name}: {code} after {seconds:.1f} s"


def test_a_blob_whose_only_holder_of_a_column_is_killed_never_gets_into_a_block(tmp_path: Path, kzg_file: Path) -> None:
    """Every node samples all four columns, each of which has one holder."""
    parameters = DataAvailability(dispersal_factor=1, num_samples=4, num_subnets=4, subnetwork_size=4)
    spec = TopologySpec(validators=2, executors=1, layout="full", slot_duration=SLOT, data_availability=parameters)
    with network(tmp_path, spec, kzg_file) as nodes:
        executor = nodes[-1]
        first = bytes(disperse(executor, DATA).json)
        for node in nodes:
            operation = wait_in_block(node, first)
        column, holder = holder_among_validators(nodes)
        answer = disperse(executor, DATA[31:], parent=message_id(operation))
        holder.kill()
        assert answer.status == 200, answer.text
        lost = bytes(answer.json)
        survivors = [node for node in nodes if node is not holder]
        heights = [node.get("/cryptarchia/info")["height"] for node in survivors]
        for node, height in zip(survivors, heights, strict=True):
            node.wait_height(height + 12)
            assert in_block(node, lost) is None
            assert node.get("/mantle/metrics")["pending_items"] >= 1
            log = "".join(file.read_text() for file in node.directory.glob("__logs*"))
            assert f"blob_id {lost.hex()} was not sampled: share {column}" in log


def holder_among_validators(nodes: Sequence[NodeProcess]) -> tuple[int, NodeProcess]:
    """A column and the validator that alone holds it, and no other; of four columns the executor holds at most two."""
    address = nodes[0].config.testing_http.backend_settings.address
    membership = ask(address, "POST", "/test/da/membership", b"0", JSON).json
    listening = {node.config.da_backend.listening_address: node for node in nodes[:-1]}
    held = [membership["addressbook"][peer] for column in range(4) for peer in membership["assignations"][str(column)]]
    for column, address in enumerate(held):
        if held.count(address) == 1 and (node := listening.get(address)):
            return column, node
    raise AssertionError(f"no validator holds a column: {membership}")


def test_three_nodes_sample_every_blob_and_with_the_originals_parameters_they_do_not(
    tmp_path: Path, kzg_file: Path
) -> None:
    """Of the original's three subnetworks one has no column; each node draws one of them for each blob."""
    for parameters, found in (("standard", set()), ("original", {"given up"})):
        spec = TopologySpec(validators=2, executors=1, slot_duration=SLOT, data_availability=parameters)
        with network(tmp_path / parameters, spec, kzg_file) as nodes:
            answers = [disperse(nodes[-1], bytes([number]) * 31, channel=number) for number in range(1, 11)]
            blobs = [bytes(answer.json).hex() for answer in answers]
            outcomes = wait_until(
                f"all nodes to be done with 10 blobs ({parameters})",
                lambda nodes=nodes, blobs=blobs: sampling_outcomes(nodes, blobs),  # type: ignore[misc]
            )
        assert set(outcomes) == {"sampled"} | found, parameters


def sampling_outcomes(nodes: Sequence[NodeProcess], blobs: Sequence[str]) -> list[str]:
    """What each node's log says of each blob; empty until all have said something."""
    outcomes: list[str] = []
    for node in nodes:
        log = "".join(file.read_text() for file in node.directory.glob("__logs*"))
        for blob in blobs:
            if f"blob_id {blob} could not be sampled and is given up: share 2: Share not found" in log:
                outcomes.append("given up")
            elif f"blob_id {blob} has been successfully sampled" in log:
                outcomes.append("sampled")
    return outcomes if len(outcomes) == len(nodes) * len(blobs) else []


def test_a_node_without_its_parameters_runs_and_says_that_it_can_serve_no_blobs(tmp_path: Path) -> None:
    spec = TopologySpec(validators=1, executors=1)
    with reserve_ports(2) as reservation:
        options = ConfigOptions(kzg_params=tmp_path / "nothing")
        generated = generate_topology(spec, options, ports=reservation.nodes, prover=PROVER)
    for node in generated.nodes:
        with NodeProcess(node.config, tmp_path / node.name).start() as process:
            process.wait_ready()
            log = "".join(file.read_text() for file in process.directory.glob("__logs.*"))
            assert f"missing KZG parameters at {tmp_path / 'nothing'}: this node can neither" in log
