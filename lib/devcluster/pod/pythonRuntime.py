"""The runtime of a pod of the embedded cluster that Fission's Python images are (function-pod-protocol.md sections 10.1
and 10.2), from Python's standard library alone.

POD_IP is the address to listen on, POD_ROOT the directory on the host that holds the pod's files. Functions find the parts
of Flask that they usually need in a module of that name: request, Response, jsonify, make_response and current_app.
"""

import builtins, importlib.machinery, importlib.util, json, logging, os, re, signal, sys, threading, types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

logging.basicConfig(level=logging.INFO, format="%(message)s")
log = logging.getLogger("function")

root = os.environ.get("POD_ROOT", "")
plain_open = builtins.open


def on_host(path):
    return root + path if root and re.match(r"/(userfunc|secrets|configs|etc/podinfo)(/|$)", path) else path


builtins.open = lambda file, *rest, **named: plain_open(on_host(file) if isinstance(file, str) else file, *rest, **named)


class Request:
    def __init__(self, method, target, headers, data):
        url = urlsplit(target)
        self.method, self.path, self.headers, self.data = method, url.path, headers, data
        self.url = "http://" + headers.get("Host", "") + target
        self.args = dict(parse_qsl(url.query, keep_blank_values=True))

    def get_data(self, as_text=False):
        return self.data.decode() if as_text else self.data

    def get_json(self, force=False):
        return json.loads(self.data) if force or self.headers.get_content_type() == "application/json" else None

    json = property(get_json)


class Response:
    def __init__(self, response=b"", status=200, headers=None, mimetype="text/html; charset=utf-8"):
        if isinstance(response, (dict, list)):
            response, mimetype = json.dumps(response) + "\n", "application/json"
        self.data = response.encode() if isinstance(response, str) else bytes(response)
        self.status_code, self.headers = status, {"Content-Type": mimetype, **(headers or {})}


def make_response(value):
    """What a function returns: a body, a body with status and headers in either order, or a whole response."""
    body, *others = value if isinstance(value, tuple) else (value,)
    response = body if isinstance(body, Response) else Response(body)
    for other in others:
        if isinstance(other, int):
            response.status_code = other
        else:
            response.headers.update(other)
    return response


current = threading.local()


class CurrentRequest:
    def __getattr__(self, name):
        return getattr(current.request, name)


sys.modules["flask"] = flask = types.ModuleType("flask")
flask.request, flask.Response, flask.make_response = CurrentRequest(), Response, make_response
flask.jsonify = lambda value=None, **named: Response(named or value)
flask.current_app = types.SimpleNamespace(logger=log)

function = None
state_file = on_host("/userfunc/state.json")


def load(path, name):
    """`module.function` of a directory, or `main` and the like of a file; replaces the function that was there."""
    global function
    module_name, _, function_name = name.rpartition(".")
    if os.path.isdir(path):
        sys.path.insert(0, path)
        sys.modules.pop(module_name or "main", None)
        module = importlib.import_module(module_name or "main")
    else:
        loader = importlib.machinery.SourceFileLoader("user", path)
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader("user", loader))
        loader.exec_module(module)
    function = getattr(module, function_name or "main")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def answer(self, response):
        self.send_response(response.status_code)
        own = {"Content-Length": len(response.data), "Connection": "close"}
        for name, value in {**response.headers, **own}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else response.data)

    def handle_request(self):
        data, path = self.body(), self.path.split("?")[0]
        try:
            self.answer(self.respond(path, data))
        except Exception:
            log.exception("%s %s failed", self.command, path)
            self.answer(Response("Internal Server Error", 500))

    def respond(self, path, data):
        if (self.command, path) in (("POST", "/specialize"), ("POST", "/v2/specialize")):
            given = json.loads(data) if path == "/v2/specialize" else {"filepath": "/userfunc/user"}
            code = [on_host(given["filepath"]), given.get("functionName") or ""]
            load(*code)
            with open(state_file, "w") as state:
                json.dump(code, state)
            return Response("")
        if path == "/healthz":
            return Response("")
        if function is None:
            return Response("Generic container: no requests supported", 500)
        current.request = Request(self.command, self.path, self.headers, data)
        return make_response(function())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_request

    def log_message(self, *_):
        pass


if os.path.exists(state_file):
    with open(state_file) as state:
        load(*json.load(state))

address = os.environ.get("POD_IP", "127.0.0.1")
ThreadingHTTPServer.daemon_threads, ThreadingHTTPServer.request_queue_size = False, 128
server = ThreadingHTTPServer((address, 8888), Handler)
# The kubelet holds the standard input open for as long as it lives.
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print(f"listening on {address}:8888", file=sys.stderr, flush=True)
server.serve_forever(poll_interval=0.05)
# Waits for the requests that are being answered.
server.server_close()
os._exit(0)
