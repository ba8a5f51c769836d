#!/usr/bin/python3
"""Two nodes and the leader key of a cluster of their own: leader-key.py [patroni-leader.py] [config of Patroni]

Prints as JSON, for each moment, whether the first node may renew the key, and whom the key names then.
"""
import json
import runpy
import sys
from base64 import b64decode

import yaml

runpy.run_path(sys.argv[1])
from patroni.dcs import get_dcs  # noqa: E402


def node(name):
    with open(sys.argv[2]) as file:
        config = yaml.safe_load(file)
    return get_dcs({**config, "scope": "leader-key", "name": name, **config["bootstrap"]["dcs"]})


def renew():
    first._lease = None  # it has ended
    renewed = first.update_leader(None)
    keys = first._client.range(first.leader_path).get("kvs", [])
    return [renewed, b64decode(keys[0]["value"]).decode() if keys else None]


def lead(node):
    node._client.deleterange(node.leader_path)
    assert node.attempt_to_acquire_leader()
    assert node.write_sync_state(node._name, None, node.get_cluster().sync.index)
    node.get_cluster()


first, second = node("first"), node("second")
results = {}
lead(first)
lead(second)
results["another node has the key"] = renew()
first._client.deleterange(first.leader_path)
results["another node had the key"] = renew()
lead(first)
first._client.deleterange(first.leader_path)
results["no other node had the key"] = renew()
results["it still has the key"] = renew()
print(json.dumps(results))
