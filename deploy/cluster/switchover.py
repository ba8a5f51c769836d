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
import time
import urllib.request

import psycopg2
import yaml

WAIT_SECONDS = 2
BUSY = """SELECT count(*) FROM pg_stat_activity
  WHERE backend_xid IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""


def ask(url, login=None, body=None):
    """The JSON answer of Patroni's API, or its text."""
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None)
    if login:
        token = base64.b64encode(f"{login['username']}:{login['password']}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
    return json.loads(text) if text.startswith("{") else text


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "/etc/patroni/config.yml"
    with open(path) as file:
        config = yaml.safe_load(file)
    members = ask(f"http://{config['restapi']['connect_address']}/cluster")["members"]
    leader = next(member for member in members if member["role"] == "leader")
    if not any(m["role"] == "sync_standby" and m["state"] in ("running", "streaming") for m in members):
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
        deadline = time.monotonic() + WAIT_SECONDS
        # The sessions read the setting within milliseconds.
        time.sleep(0.1)
        while time.monotonic() < deadline:
            cursor.execute(BUSY)
            if cursor.fetchone()[0] == 0:
                break
            time.sleep(0.01)
        # Changed back on the disk only: the server starts again as a standby, and must take writes
        # when it is promoted later.
        cursor.execute("ALTER SYSTEM RESET default_transaction_read_only")
        url = leader["api_url"].replace("/patroni", "/switchover")
        print(ask(url, config["restapi"].get("authentication"), {"leader": leader["name"]}))
    except Exception:
        cursor.execute("ALTER SYSTEM RESET default_transaction_read_only")
        cursor.execute("SELECT pg_reload_conf()")
        raise


main()
