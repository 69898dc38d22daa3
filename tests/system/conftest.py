"""Demos that tests share where nothing is hurt, and clients that ask them."""

import contextlib

import dns.query
import pytest
from customer import CustomerDns
from demos import Demo, free_ports
from witnesses import Hammer, Witness, witness_app, witness_names


@pytest.fixture(name="free_ports")
def ports_that_are_free():
    return free_ports


@contextlib.contextmanager
def running(folder, settings=()):
    with CustomerDns() as customer:
        demo = Demo(folder, customer, settings)
        try:
            demo.start()
            yield demo
        finally:
            demo.end()
    assert demo.left() == []
    assert demo.held_ports() == []


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """One for all tests that leave the services as they found them."""
    with running(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture(scope="session")
def stage(demo):
    """The host of an app that behaves as it is asked to."""
    return demo.deploy("stage.ada")


@pytest.fixture(scope="session")
def running_demo():
    """For those who need one of their own in another way."""
    return running


@pytest.fixture(scope="session")
def own_demo(tmp_path_factory):
    """One for all tests that hurt its processes and files."""
    with running(tmp_path_factory.mktemp("own")) as demo:
        yield demo


@pytest.fixture
def whole_demo(own_demo):
    """The same, with everybody well."""
    own_demo.mend()
    return own_demo


@pytest.fixture
def witness(whole_demo):
    """Start witnesses of a host: by UDP, by TCP, and at a cluster's proxy."""
    demo, witnesses = whole_demo, []

    def start(host, cluster="amber", seconds=1):
        home = demo.resolve(host)
        page = witness_app(demo, host, cluster)
        assert page.startswith("200 ")
        udp, tcp = dns.query.udp, dns.query.tcp
        asks = {
            "udp": (lambda: witness_names(demo, host, udp, seconds), home),
            "tcp": (lambda: witness_names(demo, host, tcp, seconds), home),
            "http": (lambda: witness_app(demo, host, cluster), page),
        }
        told = {name: Witness(ask, {right}) for name, (ask, right) in asks.items()}
        witnesses.extend(told.values())
        for each in told.values():
            each.start()
        return told

    yield start
    for each in witnesses:
        each.end()


@pytest.fixture
def hammer():
    """Start clients that ask again and again; they end with the test."""
    hammers = []

    def start(place, hosts, **more):
        hammers.append(Hammer(place, hosts, **more))
        hammers[-1].start()
        return hammers[-1]

    yield start
    for each in hammers:
        each.end()
