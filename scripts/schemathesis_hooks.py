"""Hooks that adapt schemathesis to osctld; loaded by scripts/schemathesis.

1. The API is on a Unix socket: every connection goes there, whatever the host in the URL is. No
   TCP port is opened, because any user who reached it would be root on this machine.
2. Commands about pools take paths of the host. They are moved below the root of the sandbox
   before anything is sent, in every phase: a fuzzer must not create files on the machine.
3. Random names match no entity. Valid ones are mostly replaced by existing names, so that the
   code after the look-up is reached. Invalid values are not changed: osctld has to refuse them.
4. 4.0 is an integer to JSON Schema and not to osctld, which takes 4 alone.
"""

import os
import re
import socket
import zlib

import schemathesis
import urllib3.util.connection

SOCKET = os.environ["OSCTL_FUZZ_SOCKET"]
ROOT = os.environ["OSCTL_FUZZ_ROOT"]

MIB = 1 << 20
POOL = re.compile(r"(?!mirror|raidz|draid|spare|log\b)[A-Za-z][A-Za-z0-9_.-]{0,25}")
GROUP = re.compile(r"/|(/[A-Za-z0-9_][A-Za-z0-9_-]{0,99}){1,16}")
DATASET = re.compile(POOL.pattern + r"(/(?!\.{1,2}(/|$))[A-Za-z0-9_.][A-Za-z0-9_.-]*)*")
NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,29}")
# The daemon treats a path as absolute if its first byte is a slash; all such paths are moved.
PATH_KEYS = ("file", "source")


def connect(_address, timeout=None, *_args, **_kwargs):
    """Replaces the function of urllib3 that opens a TCP connection."""
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if isinstance(timeout, (int, float)):
        stream.settimeout(timeout)
    try:
        stream.connect(SOCKET)
    except BaseException:
        stream.close()
        raise
    return stream


urllib3.util.connection.create_connection = connect


def choose(value, choices):
    """Returns the same choice for the same value in every run."""
    return choices[zlib.crc32(repr(value).encode("utf-8", "replace")) % len(choices)]


def is_valid(value, rule):
    return isinstance(value, str) and rule.fullmatch(value) is not None


def use_known_names(values, pools):
    """Replaces two of three valid names by names of existing entities."""
    if is_valid(values.get("pool"), POOL):
        values["pool"] = choose(values["pool"], pools)
    name = values.get("name")
    if is_valid(name, NAME):
        values["name"] = choose(name, ["alice", "bob", "default", "default", "ids", name])
    elif is_valid(name, GROUP):
        values["name"] = choose(name, ["/", "/default", "/fuzz", "/fuzz/a", name, name])
    index = values.get("block_index")
    if isinstance(index, int) and 0 <= index < 1 << 32:
        values["block_index"] = choose(index, [0, 1, 2, 3, index])
    dataset = values.get("dataset")
    if is_valid(dataset, DATASET) and is_valid(values.get("pool"), POOL):
        values["dataset"] = choose(dataset, [values["pool"], values["pool"] + "/below"])


def stay_in_sandbox(value):
    """Moves all absolute paths in a body below the root, at any depth."""
    if isinstance(value, list):
        return [stay_in_sandbox(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    moved = {key: stay_in_sandbox(entry) for key, entry in value.items()}
    for key in PATH_KEYS:
        path = moved.get(key)
        if isinstance(path, str) and path.startswith("/"):
            # Invalid parts of a path (a control character, "..") are kept, below the root.
            directory = f"{ROOT}/fuzz/a/b/c/d/e/f/g/h"
            climbs = ".." in path.split("/")
            bad = any(ord(c) < 32 or ord(c) == 127 for c in path)
            moved[key] = f"{directory}/../x" if climbs else f"{directory}/\x01" if bad else (
                choose(path, [f"{ROOT}/fuzz/one.img", f"{ROOT}/fuzz/two.img", f"{ROOT}/etc"])
            )
    return moved


def without_fractions(value):
    """Writes integers without a fraction."""
    if isinstance(value, list):
        return [without_fractions(entry) for entry in value]
    if isinstance(value, dict):
        return {key: without_fractions(entry) for key, entry in value.items()}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


@schemathesis.hook
def before_call(_context, case, _kwargs):
    command = case.path.removeprefix("/v1/commands/").removeprefix("/v1/plans/")
    # Three pools are created and destroyed at random; the one with the users is kept.
    of_pools = command.startswith("pool-") and command not in ("pool-set", "pool-unset")
    pools = ["fuzz-a", "fuzz-b", "fuzz-c"] if of_pools else ["tank", "tank", "fuzz-a", "nowhere"]
    if isinstance(case.body, (dict, list)):
        case.body = without_fractions(stay_in_sandbox(case.body))
    if isinstance(case.body, dict):
        if isinstance(case.body.get("target"), dict):
            use_known_names(case.body["target"], pools)
        use_known_names(case.body, pools)
        size = case.body.get("size_bytes")
        if isinstance(size, int) and 256 * MIB <= size < 1 << 63:
            case.body["size_bytes"] = choose(size, [256 * MIB, 300 * MIB + 1, 1 << 40])
    if case.path_parameters:
        use_known_names(case.path_parameters, pools)
    if case.query:
        use_known_names(case.query, pools)
    wait = (case.query or {}).get("wait_ms")
    if isinstance(wait, int) and 1000 < wait <= 60_000:
        # A random guest may never become ready, so the timeout is short.
        case.query = {**case.query, "wait_ms": 1000}
    if case.path == "/v1/events":
        # The stream does not end by itself, so it is read only briefly.
        wait = (case.query or {}).get("timeout_ms", 0)
        if isinstance(wait, int) and 0 <= wait <= 3_600_000:
            case.query = {**(case.query or {}), "timeout_ms": 100}
