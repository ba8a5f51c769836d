"""A client of the API by Python's standard library alone, made from an OpenAPI document.

Arguments: the service's address and the document's path. Each line of standard input is a request,
each line of standard output its answer, both as JSON.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

base, document_path = sys.argv[1:]


def send(method, path, query=None, body=None, headers=None):
    url = base + path + ("?" + urllib.parse.urlencode(query) if query else "")
    data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if data is not None and not request.has_header("Content-type"):
        request.add_header("Content-Type", "application/json")
    try:
        response = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        return {"status": response.status, "body": json.load(response)}


document = send("GET", document_path)["body"]
operations = {
    operation["operationId"]: (method.upper(), path)
    for path, methods in document["paths"].items()
    for method, operation in methods.items()
}

for line in sys.stdin:
    call = json.loads(line)
    method, path = operations[call.pop("id")]
    print(json.dumps(send(method, path, **call)), flush=True)
