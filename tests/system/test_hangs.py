"""Processes hang: their parents replace them, and their queues are served."""

from concurrent.futures import ThreadPoolExecutor

import dns.message
from waiting import wait_until

HELLO = "hello.ada.apps.test"
HANGING = {
    "nameserver": {"worker-1", "worker-2"},
    "proxy-amber": {"worker-0", "worker-1"},
    "proxy-birch": {"keeper"},
    "manager-amber": {"manager"},
    "directory": {"directory"},
}
# As long as a watchdog needs, and a busy machine.
SECONDS = 40


def test_who_hangs_is_replaced_and_its_queue_is_served(whole_demo):
    """Whoever waits there is not refused, and gets the answer of the successor."""
    demo = whole_demo
    hanging = [
        demo.children(name)[child]
        for name, children in HANGING.items()
        for child in children
    ]
    for each in hanging:
        each.suspend()
    query = dns.message.make_query(HELLO, "A")
    with ThreadPoolExecutor() as clients:
        name = clients.submit(demo.ask_dns, query, seconds=SECONDS)
        app = clients.submit(demo.fetch, HELLO, at="amber")
        told = clients.submit(demo.api, "GET", "/apps/hello.ada")
    assert str(name.result().answer[0][0]) == demo.place("amber")[0]
    assert (app.result().status_code, told.result().status_code) == (200, 200)
    wait_until(lambda: not any(each.is_running() for each in hanging))
    for name, children in HANGING.items():
        hung = {e["child"] for e in demo.events(name) if e["event"] == "hangs"}
        assert hung == children
    demo.mend()
    assert demo.fetch(HELLO, at="amber").status_code == 200
