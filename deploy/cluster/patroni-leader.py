#!/usr/bin/python3
"""Starts Patroni, whose former primary must not take the leader key back.

With etcd3, Patroni 3.0.2 of Debian 12 writes the leader key whoever has it, once its own lease has ended. A primary that
was cut off may do so as it comes back, while it still reads the old state of the cluster: the key is then taken from the
node that replaced it, and the changes that this node acknowledged are lost. Later versions look first
(https://github.com/patroni/patroni/pull/2689) and are started as they are.

Usage: patroni-leader.py CONFIG, as patroni.
"""
import time
from base64 import b64encode

from patroni.__main__ import main
from patroni.dcs import Leader
from patroni.dcs.etcd import catch_return_false_exception
from patroni.dcs.etcd3 import Etcd3, Etcd3Error
from patroni.version import __version__


@catch_return_false_exception
def update_leader(self):
    """Renews the lease of the leader key. Returns whether this node still has the key."""
    retry = self._retry.copy()

    def repeat(*args, **kwargs):
        return retry(*args, retry=retry, **kwargs)

    self._run_and_handle_exceptions(self._do_refresh_lease, True, retry=repeat)
    cluster = self.cluster
    if cluster and isinstance(cluster.leader, Leader) and cluster.leader.session == self._lease:
        return True
    retry.deadline = retry.stoptime - time.time()
    if retry.deadline < 1:
        raise Etcd3Error("update_leader timeout")
    return self._run_and_handle_exceptions(write_key, self, cluster, retry=repeat)


def write_key(dcs, cluster, retry):
    """Writes the key if it names this node, or if there is none and no other node has led the cluster since it was read."""
    leader, name, sync = (b64encode(text.encode()).decode() for text in (dcs.leader_path, dcs._name, dcs.sync_path))
    put = {"request_put": {"key": leader, "value": name, "lease": dcs._lease}}
    is_own = {"key": leader, "target": "VALUE", "value": name}
    is_free = {"key": leader, "target": "CREATE", "create_revision": 0}
    # Each new leader writes the state of the synchronous standbys before it promotes PostgreSQL.
    index = cluster.sync.index if cluster else None
    led_last = {"key": sync, "target": "MOD", "mod_revision": index or 0}
    return any(
        dcs._client.call_rpc("/kv/txn", {"compare": compare, "success": [put]}, retry).get("succeeded")
        for compare in ([is_own], [is_free, led_last]))


if __version__ == "3.0.2":
    Etcd3._update_leader = update_leader
if __name__ == "__main__":
    main()
