"""A read-through cache whose keys tailrace invalidates: GET, and on a miss lease, proof, load, fill.

docs/caching.md describes the protocol. A Cache may be used by several threads; each brings its own connection to Postgres.
"""

import random
import secrets
import time
from pathlib import Path

import redis
from psycopg.pq import PipelineStatus, TransactionStatus

LIBRARY = "tailrace1"
FUNCTIONS = "invalidate settle refresh heartbeat record own repair sweep lease fill written last_heartbeat".split()
GROWING = {"refresh", "lease", "fill"}  # a full Redis refuses them; invalidations have to run
SOURCE = Path(__file__).resolve().parents[2] / "cache/protocol/functions.lua"

LEASE = 3.0  # seconds that a reader has from its miss to its fill
PRIMARY = """
SELECT NOT pg_is_in_recovery(), pg_snapshot_xmin(s)::text::bigint,
       coalesce((SELECT bool_and(pg_visible_in_snapshot(x::xid8, s)) FROM unnest(%s::text[]) x), true)
FROM pg_current_snapshot() s"""
STANDBY = "SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= %s::pg_lsn"


def sidecar(key):
    """Returns the key of the sidecar, in the same cluster slot. Raises ValueError for a key that the protocol cannot store."""
    tag, closed, _ = key.partition("{")[2].partition("}")
    tagged = bool(tag and closed)
    if not key or key.startswith(("~:", "~t:")) or (not tagged and "}" in key):
        raise ValueError(f"the protocol cannot store key {key!r}")
    return "~:" + key if tagged else "~:{" + key + "}"


def position(lsn):
    """Returns an LSN of Postgres, such as 0/16B3748, as the 16 digits of the protocol."""
    high, _, low = lsn.partition("/")
    return f"{int(high, 16):08x}{int(low, 16):08x}"


class Cache:
    """Reads the keys that the sink of a pipeline invalidates.

    client has decode_responses=True. on_standby: the connections lead to a physical standby instead of the primary. encode and
    decode turn what load returns into a text and back. Without Redis every get calls load.
    """

    def __init__(self, client, pipeline, on_standby=False, ttl=600.0, negative_ttl=30.0, encode=str, decode=str):
        self.client, self.control, self.on_standby = client, "~t:" + pipeline, on_standby
        self.pipeline, self.ttl, self.negative_ttl, self.encode, self.decode = pipeline, ttl, negative_ttl, encode, decode

    def get(self, key, conn, load):
        """Returns the value of key, or load(conn) on a miss. load returns None when there is no such row."""
        try:
            found = self.client.get(key)
            if found is not None:
                return self.decode(found)
            token = secrets.token_hex(8)
            answer = self.lease(key, token)
        except redis.RedisError:
            return load(conn)
        if answer[0] == "HIT":
            return self.decode(answer[1])
        if answer[0] == "NEG":
            return None
        if answer[0] == "WAIT":  # for longer than it makes sense to wait
            return load(conn)
        return self.fill(key, token, answer, conn, load)

    def invalidate(self, conn, *keys):
        """Read your writes: deletes the keys after a commit of conn has returned."""
        lsn = conn.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
        self.call("written", [k for key in keys for k in (key, sidecar(key))], self.control, self.pipeline, position(lsn))

    def lease(self, key, token):
        """Asks for the lease, and waits as long as one load may take while another reader has it."""
        give_up = time.monotonic() + 1.0
        while True:
            answer = self.call("lease", [key, sidecar(key)], self.control, token, int(LEASE * 1000))
            if answer[0] != "WAIT" or time.monotonic() > give_up:
                return answer
            time.sleep(0.005)

    def fill(self, key, token, grant, conn, load):
        """Proves, loads and stores, in this order. Without a proof the value is returned and not stored."""
        kind, stored, ttl = "X", "", 0.0
        try:
            proven = self.proven(conn, grant)
            value = load(conn)
            if proven and value is None:
                kind, ttl = "N", self.negative_ttl
            elif proven:
                kind, stored, ttl = "V", self.encode(value), self.ttl * random.uniform(0.9, 1.1)
            return value
        finally:  # X gives the lease back, also when load has failed
            try:
                self.call("fill", [key, sidecar(key)], self.control, token, kind, int(ttl * 1000), stored)
            except redis.RedisError:
                pass  # the lease lapses

    def proven(self, conn, grant):
        """Reports whether what conn reads from now on has every commit of the tombstones, and nothing uncommitted."""
        idle = conn.info.transaction_status == TransactionStatus.IDLE and conn.info.pipeline_status == PipelineStatus.OFF
        if not conn.autocommit or not idle:
            return False  # the snapshot may be older than the lease, and rows may be uncommitted
        _, _, epoch, lsn, overflow, xids, all_epoch, all_lsn, all_overflow, all_xids, beat_epoch, _, floor, _ = grant
        if self.on_standby:
            if not beat_epoch or max(epoch, all_epoch) > beat_epoch:
                return False
            newest = max(lsn, all_lsn, floor)
            return conn.execute(STANDBY, [f"{newest[:8]}/{newest[8:]}"]).fetchone()[0]
        listed = [str(int(x[i : i + 16], 16)) for x in (xids, all_xids) for i in range(0, len(x), 16)]
        primary, xmin, visible = conn.execute(PRIMARY, [listed]).fetchone()
        return primary and visible and f"{xmin:016x}" > max(overflow, all_overflow)

    def call(self, name, keys, *args):
        """Calls a function, and loads the library first where Redis has lost it."""
        for last in (False, True):
            try:
                return self.client.fcall(f"{LIBRARY}_{name}", len(keys), *keys, *args)
            except redis.ResponseError as err:
                if last or "Function not found" not in str(err):
                    raise
                load_functions(self.client)


def load_functions(client):
    """Stores the functions in Redis, as tailrace does itself. It needs Redis 7 and the right to run FUNCTION LOAD."""
    code = f"#!lua name={LIBRARY}\n{SOURCE.read_text()}"
    for name in FUNCTIONS:
        flags = "'allow-cross-slot-keys'" + ("" if name in GROWING else ", 'allow-oom'")
        code += f"redis.register_function{{function_name='{LIBRARY}_{name}', callback={name}, flags={{{flags}}}}}\n"
    try:
        client.function_load(code)
    except redis.ResponseError as err:
        if "already exists" not in str(err):
            raise
