"""Runs the test vectors, and readers against a writer, with the servers that the environment names.

VECTORS=../../cache/protocol/testdata/vectors.json REDIS_URL=redis://... PRIMARY_URL=postgres://... STANDBY_URL=postgres://...
tailrace runs ../cache/orders.hcl with the same servers. The vectors run in database 1 of Redis, which they empty.
"""

import json
import os
import random
import re
import threading
import time
import unittest

import psycopg
import redis

from tailrace_cache import Cache, load_functions, position, sidecar

REDIS_URL = os.environ["REDIS_URL"]
ORDERS = range(8)
LATE = 0.5  # seconds after the return of a commit when a hit must no longer be older


class Vectors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.environ["VECTORS"]) as file:
            cls.vectors = json.load(file)
        cls.redis = redis.Redis.from_url(REDIS_URL, db=1, decode_responses=True)
        load_functions(cls.redis)

    def test_keys(self):
        for v in self.vectors["keys"]:
            if v["sidecar"] is None:
                self.assertRaises(ValueError, sidecar, v["key"])
            else:
                self.assertEqual(sidecar(v["key"]), v["sidecar"])

    def test_positions(self):
        for v in self.vectors["positions"]:
            got = position(v["postgres"]) if v["type"] == "lsn" else f"{int(v['postgres']):016x}"
            self.assertEqual(got, v["text"])

    def test_calls(self):
        cache = Cache(self.redis, "shop")
        for case in self.vectors["cases"]:
            self.redis.flushdb()
            for i, step in enumerate(case["steps"]):
                with self.subTest(case=case["name"], step=i + 1):
                    self.step(cache, step)

    def step(self, cache, step):
        if "pause" in step:
            return time.sleep(step["pause"] / 1000)
        now = self.now()
        args = [re.sub(r"^\{now([+-]\d+)\}$", lambda m: str(now + int(m[1])), a) for a in step["args"]]
        if step["call"].isupper():
            answer = self.redis.execute_command(step["call"], *args)
        else:
            answer = cache.call(step["call"], step["keys"], *args)
        self.compare(answer, step["answer"], now)

    def now(self):
        seconds, microseconds = self.redis.time()
        return seconds * 1000 + microseconds // 1000

    def compare(self, got, want, now):
        if isinstance(want, list):
            self.assertEqual(len(got), len(want))
            for g, w in zip(got, want):
                self.compare(g, w, now)
        elif want == "{now}":
            self.assertTrue(now <= int(got) <= now + 10_000, got)
        elif isinstance(want, str) and (m := re.match(r"^\{(\d+)\.\.(\d+)\}$", want)):
            self.assertTrue(int(m[1]) <= int(got) <= int(m[2]), got)
        else:
            self.assertEqual(got, want)


class Race(unittest.TestCase):
    """One writer per order adds 1 to its version. A hit that returns v is stale since the return of the commit of v+1."""

    def setUp(self):
        self.redis = redis.Redis.from_url(REDIS_URL, decode_responses=True)
        self.returned = {order: {} for order in ORDERS}  # version: when its commit returned
        self.reads = self.loads = self.stale = 0
        self.stop = threading.Event()
        with self.connect("PRIMARY_URL") as conn:
            conn.execute("DELETE FROM orders")
            for order in ORDERS:
                conn.execute("INSERT INTO orders VALUES (%s, 1, '0')", [order])
        self.settle()

    def connect(self, url):
        return psycopg.connect(os.environ[url], autocommit=True)

    def settle(self):
        """Waits until the commits so far have deleted their keys, and the standby has them."""
        time.sleep(1.5)

    def race(self, url, get):
        threads = [threading.Thread(target=self.write, args=[order]) for order in ORDERS]
        threads += [threading.Thread(target=self.read, args=[url, get]) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(4)
        self.stop.set()
        for thread in threads:
            thread.join()
        self.settle()
        with self.connect(url) as conn:
            return [order for order in ORDERS if get(order, conn) != max(self.returned[order])]

    def write(self, order):
        with self.connect("PRIMARY_URL") as conn:
            version = 0
            while not self.stop.is_set():
                version += 1
                conn.execute("UPDATE orders SET status = %s WHERE id = %s", [str(version), order])
                self.returned[order][version] = time.monotonic()
                time.sleep(random.uniform(0, 0.5))

    def read(self, url, get):
        with self.connect(url) as conn:
            while not self.stop.is_set():
                order, begin = random.choice(ORDERS), time.monotonic()
                version = get(order, conn)
                self.reads += 1
                outdated = self.returned[order].get(version + 1)
                if outdated and outdated + LATE < begin:
                    self.stale += 1

    def load(self, order, conn):
        self.loads += 1
        version = conn.execute("SELECT status::int FROM orders WHERE id = %s", [order]).fetchone()[0]
        time.sleep(random.uniform(0, 0.02))
        return version

    def through(self, cache):
        return lambda order, conn: cache.get(f"order:{order}", conn, lambda conn: self.load(order, conn))

    def test_primary(self):
        self.assertEqual(self.race("PRIMARY_URL", self.through(Cache(self.redis, "shop", decode=int))), [])
        self.check()

    def test_standby(self):
        cache = Cache(self.redis, "shop", on_standby=True, decode=int)
        self.assertEqual(self.race("STANDBY_URL", self.through(cache)), [])
        self.check()

    def check(self):
        self.assertGreater(self.reads, 10 * self.loads, "most reads are hits")
        self.assertEqual(self.stale, 0)

    def test_control(self):
        """GET and SET without the protocol loses, or this test could not find a stale value."""

        def get(order, conn):
            found = self.redis.get(f"order:{order}")
            if found is None:
                found = self.load(order, conn)
                self.redis.set(f"order:{order}", found, ex=600)
            return int(found)

        self.assertNotEqual(self.race("STANDBY_URL", get), [])


if __name__ == "__main__":
    unittest.main()
