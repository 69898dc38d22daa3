"""Updates while services are killed, stand still or are away; and what comes again."""

import contextlib
import socket
import threading

import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

AT = "_acme-challenge.bob.apps.test"


@pytest.fixture(scope="module")
def secret(hosting_session):
    return hosting_session.add_key("failures", "bob.apps.test")


def message(secret, value=None):
    update = dns.update.UpdateMessage("apps.test")
    update.use_tsig(dns.tsig.Key("failures", secret, "hmac-sha256"))
    update.use_edns(0)
    if value is None:
        update.delete(f"{AT}.", "TXT")
    else:
        update.add(f"{AT}.", 60, "TXT", f'"{value}"')
    return update


def send(hosting, nameserver, update, wire=None, tcp=False):
    """Send octets, and give what is said: rcode, and the words of extended errors."""
    wire = wire or update.to_wire()
    place = "127.0.0.1", hosting.ports[nameserver]
    with socket.socket(type=socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as opened:
        opened.settimeout(20)
        opened.connect(place)
        if tcp:
            opened.sendall(len(wire).to_bytes(2, "big") + wire)
            with opened.makefile("rb") as read:
                octets = read.read(int.from_bytes(read.read(2), "big"))
        else:
            opened.send(wire)
            octets = opened.recv(2000)
    answer = dns.message.from_wire(octets, update.keyring, update.mac)
    assert answer.had_tsig
    words = " ".join(option.text for option in answer.options)
    return dns.rcode.to_text(answer.rcode()), words


def test_a_name_server_that_is_killed_delays_an_update_and_stops_none(hosting, secret):
    hosting.kill("ns2")
    assert send(hosting, "ns1", message(secret, "while it is dead")) == ("NOERROR", "")
    assert hosting.texts("ns1", AT) == ["while it is dead"]
    # It is behind by now, and nobody waits for it any more.
    assert send(hosting, "ns1", message(secret)) == ("NOERROR", "")
    hosting.mend()
    assert hosting.texts("ns2", AT) == []


def test_a_name_server_that_hangs_is_waited_for_until_it_is_behind(hosting, secret):
    with hosting.stopped("ns2"):
        assert send(hosting, "ns1", message(secret, "while it hangs"))[0] == "NOERROR"
        assert hosting.texts("ns1", AT) == ["while it hangs"]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_without_the_directory_an_update_fails_and_says_why(hosting, secret, tcp):
    hosting.kill("directory")
    rcode, words = send(hosting, "ns1", message(secret, "in vain"), tcp=tcp)
    assert rcode == "SERVFAIL"
    assert "the directory does not answer" in words
    assert hosting.texts("ns1", AT) == []
    hosting.mend()
    assert send(hosting, "ns1", message(secret, "again"))[0] == "NOERROR"


def test_what_was_under_way_in_a_killed_name_server_is_sent_again_elsewhere(
    hosting, secret
):
    update = message(secret, "once")
    wire = update.to_wire()

    def send_in_vain():
        with contextlib.suppress(OSError):
            send(hosting, "ns1", update, wire)

    with hosting.stopped("directory"):
        sending = threading.Thread(target=send_in_vain, daemon=True)
        sending.start()
        sending.join(0.5)
        hosting.kill("ns1")
    assert send(hosting, "ns2", update, wire) == ("NOERROR", "")
    assert hosting.texts("ns2", AT) == ["once"]


def test_what_was_signed_once_is_done_once_wherever_it_is_sent(hosting, secret):
    """Somebody has kept a message, and sends it again once it was undone."""
    update = message(secret, "kept")
    wire = update.to_wire()
    assert send(hosting, "ns1", update, wire) == ("NOERROR", "")
    assert send(hosting, "ns1", message(secret)) == ("NOERROR", "")
    for nameserver in ("ns1", "ns2"):
        assert send(hosting, nameserver, update, wire) == ("NOERROR", "")
        assert hosting.texts(nameserver, AT) == []


def test_a_datagram_that_comes_twice_gets_one_answer_twice(hosting, secret):
    update = message(secret, "twice")
    wire = update.to_wire()
    said = []

    def send_it():
        said.append(send(hosting, "ns1", update, wire))

    threads = [threading.Thread(target=send_it) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert said == [("NOERROR", "")] * 8
    assert hosting.texts("ns2", AT) == ["twice"]


def test_many_updates_at_once_are_all_there(hosting, secret):
    said = []

    def send_some(number):
        for value in range(5):
            update = message(secret, f"{number}-{value}")
            said.append(send(hosting, ("ns1", "ns2")[number % 2], update)[0])

    threads = [threading.Thread(target=send_some, args=(n,)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert said == ["NOERROR"] * 20
    expected = sorted(f"{number}-{value}" for number in range(4) for value in range(5))
    query = dns.message.make_query(AT, "TXT", use_edns=0)
    for nameserver in ("ns1", "ns2"):
        port = hosting.ports[nameserver]
        answer = dns.query.tcp(query, "127.0.0.1", port=port, timeout=5)
        texts = sorted(str(rdata).strip('"') for rdata in answer.answer[0])
        assert texts == expected


def test_an_operator_sets_and_deletes_a_challenge(hosting):
    path = f"/challenges/{AT}"
    assert hosting.api.put(path, json={"values": ["by the API"]}).is_success
    for nameserver in ("ns1", "ns2"):
        assert hosting.texts(nameserver, AT) == ["by the API"]
    assert hosting.api.delete(path).is_success
    for nameserver in ("ns1", "ns2"):
        assert hosting.texts(nameserver, AT) == []


def test_a_key_that_was_removed_is_none(hosting):
    secret = hosting.add_key("gone", "bob.apps.test")
    assert hosting.api.post("/keys/gone/remove", json={}).is_success
    hosting.api.delete("/challenges/_acme-challenge.apps.test")
    update = message(secret, "too late")
    update.use_tsig(dns.tsig.Key("gone", secret, "hmac-sha256"))
    with pytest.raises(dns.tsig.PeerBadKey):
        send(hosting, "ns1", update)
    assert hosting.texts("ns1", AT) == []
