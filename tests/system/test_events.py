"""Server-sent events: an answer that never ends, and so can never be waited for."""

import http.client
import json

EVENTS = "events.ada.apps.test"


def hear(demo, cluster, count):
    """Listen at a cluster's proxy until that many events have come."""
    connection = http.client.HTTPConnection(*demo.place(cluster), timeout=20)
    connection.request("GET", "/events", headers={"Host": EVENTS})
    answer = connection.getresponse()
    assert answer.headers["content-type"] == "text/event-stream"
    heard = []
    while len(heard) < count:
        line = answer.readline()
        assert line, "the stream has ended"
        if line.startswith(b"data: "):
            heard.append(json.loads(line.removeprefix(b"data: ")))
    answer.close()
    connection.close()
    return [(each["cluster"], each["count"]) for each in heard]


def test_events_come_one_by_one_also_through_a_tombstone(demo):
    """Whoever gathers before it passes on would have nothing for minutes."""
    home, other = demo.home_and_other("events.ada")
    assert hear(demo, home, 3) == [(home, 1), (home, 2), (home, 3)]
    demo.move("events.ada", other)
    for cluster in (home, other):
        assert hear(demo, cluster, 3) == [(other, 1), (other, 2), (other, 3)]
