"""Real apps as real processes: what opens which port, and what does not."""

import json

import httpx
import pytest

from domicile.manager.launch import DidNotStart, Order, begin, find_endpoint
from domicile.model.records import Release, Residence, ResidenceState
from domicile.runtime.ports import free_port
from domicile.runtime.processes import sweep

SERVER = """
import http.server, json, os, sys
class Say(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode())
host, port = eval(sys.argv[1])
http.server.HTTPServer((host, int(port)), Say).serve_forever()
"""
AS_TOLD = "(os.environ['HOST'], os.environ['PORT'])"


@pytest.fixture
async def orders(tmp_path):
    def order(command, environment=None):
        release = Release("r" * 26, "i" * 26, "0" * 64, command, environment or {})
        residence = Residence(
            "i" * 26, "amber", 3, ResidenceState.HERE, name="hello.ada", release=release
        )
        (tmp_path / "app.py").write_text(SERVER)
        log = tmp_path / "app.log"
        return Order(residence, release, tmp_path, log, "127.0.0.1", free_port())

    yield order
    await sweep(tmp_path / "run")


async def launch(order, records, seconds=10.0):
    return await find_endpoint(begin(order, records), order, seconds)


async def told(endpoint):
    async with httpx.AsyncClient() as client:
        return json.loads((await client.get(f"http://{endpoint}/")).text)


async def test_an_app_is_told_where_and_who_it_is(orders, tmp_path):
    order = orders(f'exec python app.py "{AS_TOLD}"', {"COLOUR": "red", "PORT": "1"})
    endpoint = await launch(order, tmp_path / "run")
    assert endpoint == ("127.0.0.1", order.port)
    environment = await told(endpoint)
    assert environment["COLOUR"] == "red"
    assert environment["PORT"] == str(order.port)
    assert environment["DOMICILE_APP"] == "hello.ada"
    assert environment["DOMICILE_CLUSTER"] == "amber"
    assert environment["DOMICILE_GENERATION"] == "3"


async def test_an_app_that_ignores_port_is_found(orders, tmp_path):
    """Also in a child of a child, and on all addresses."""
    port = free_port()
    order = orders(f"""(python app.py "('0.0.0.0', {port})"); true""")
    endpoint = await launch(order, tmp_path / "run")
    assert endpoint == ("127.0.0.1", port)
    assert await told(endpoint)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("exec sleep 60", r"hello.ada opened no port within 1 s.*HOST.*PORT"),
        ("echo oh no; exit 3", r"ended with status 3 .*its log ends: oh no"),
        ("no-such-command", r"ended with status 127 .*not found"),
        (
            (
                'exec python -c "import os, socket, time; s = socket.create_server('
                "(os.environ['HOST'], int(os.environ['PORT']))); time.sleep(60)\""
            ),
            r"listens on port \d+ but answered no HTTP request",
        ),
    ],
)
async def test_what_does_not_start_says_why(orders, tmp_path, command, says):
    with pytest.raises(DidNotStart, match=says):
        await launch(orders(command), tmp_path / "run", seconds=1.0)
