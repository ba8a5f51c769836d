#!/usr/bin/python3
"""Moves the primary to a synchronous standby without a failed request.

Run it on a database node as the user postgres: switchover.py [config of Patroni]

A plain `patronictl switchover` cuts off the commits that run at that moment. So the old primary is
first told to begin no transaction that writes, and those that run may end. The service does the
refused work again on the new primary.
"""
import base64
import json
import sys
import threading
import time
import urllib.error
import urllib.request

import psycopg2
import yaml

WAIT_SECONDS = 1
MOVE_SECONDS = 30
BUSY = """SELECT count(*) FROM pg_stat_activity
  WHERE xact_start < %s AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""


def ask(url, login=None, body=None):
    """The JSON answer of Patroni's API, or its text."""
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None)
    if login:
        token = base64.b64encode(f"{login['username']}:{login['password']}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
    return json.loads(text) if text.startswith("{") else text


def move(config, leader, cursor):
    """Has Patroni move the primary. Returns the name of the new one."""
    refusals = []

    def request():
        url = leader["api_url"].replace("/patroni", "/switchover")
        try:
            ask(url, config["restapi"].get("authentication"), {"leader": leader["name"]})
        except urllib.error.HTTPError as error:
            refusals.append(error.read().decode())

    def begun():
        try:
            cursor.execute("SELECT 1")
        except psycopg2.Error:
            return True
        return refusals

    def moved():
        names = [m["name"] for m in members(config) if m["role"] == "leader"]
        return next((name for name in names if name != leader["name"]), None)

    # Patroni answers late; the cluster tells the result.
    threading.Thread(target=request, daemon=True).start()
    deadline = time.monotonic() + MOVE_SECONDS
    until(deadline, begun)
    if refusals:
        sys.exit(refusals[0])
    forget_request(config)
    return until(deadline, moved)


def members(config):
    """The nodes as Patroni knows them."""
    return ask(f"http://{config['restapi']['connect_address']}/cluster")["members"]


def until(deadline, found):
    """Waits for a result that is true, and returns it."""
    while time.monotonic() < deadline:
        result = found()
        if result:
            return result
        time.sleep(0.02)
    sys.exit("the primary has not moved; patronictl list shows the nodes")


def forget_request(config):
    """Deletes the request once it is being carried out.

    While etcd has it, Patroni lets the other standby sleep for two seconds before it follows the new
    primary, and changes wait for that standby.
    """
    key = f"/{config.get('namespace', 'service').strip('/')}/{config['scope']}/failover"
    body = {"key": base64.b64encode(key.encode()).decode()}
    for host in config["etcd3"]["hosts"].split(","):
        try:
            ask(f"http://{host.strip()}/v3/kv/deleterange", body=body)
            return
        except OSError as error:
            print(f"{host}: {error}", file=sys.stderr)


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "/etc/patroni/config.yml"
    with open(path) as file:
        config = yaml.safe_load(file)
    nodes = members(config)
    leader = next(node for node in nodes if node["role"] == "leader")
    if not any(n["role"] == "sync_standby" and n["state"] in ("running", "streaming") for n in nodes):
        sys.exit("there is no synchronous standby; patronictl list shows the nodes")
    superuser = config["postgresql"]["authentication"]["superuser"]
    connection = psycopg2.connect(
        host=leader["host"], port=leader["port"], dbname="postgres",
        user=superuser["username"], password=superuser["password"])
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CHECKPOINT")
    try:
        cursor.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        cursor.execute("SELECT pg_reload_conf()")
        # The sessions read the setting within milliseconds.
        time.sleep(0.1)
        cursor.execute("SELECT clock_timestamp()")
        began = cursor.fetchone()[0]
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            cursor.execute(BUSY, (began,))
            if cursor.fetchone()[0] == 0:
                break
            time.sleep(0.01)
        # Changed back on the disk only: the server starts again as a standby, and must take writes
        # when it is promoted later.
        cursor.execute("ALTER SYSTEM RESET default_transaction_read_only")
        print("Successfully switched over to", move(config, leader, cursor))
    except BaseException:
        if connection.closed:
            raise
        cursor.execute("ALTER SYSTEM RESET default_transaction_read_only")
        cursor.execute("SELECT pg_reload_conf()")
        raise


main()
