"""A cluster with two addresses loses one, as clients, dig and operators see it."""

import shutil
import subprocess

import httpx
import pytest
from waiting import wait_until

HELLO = "hello.ada.apps.test"
FIRST, SECOND = "127.0.0.11", "127.0.0.21"
DIG = shutil.which("dig")
REPORTERS = ("nameserver", "manager-birch")

pytestmark = pytest.mark.skipif(DIG is None, reason="dig (bind9-dnsutils) is missing")


class SecondProxy:
    """Another proxy of amber, at an address of its own."""

    def __init__(self, demo):
        self._demo = demo
        ports = demo.ports["amber"]
        link, admin = demo.free_ports(2)
        config = (demo.data / "proxy-amber.toml").read_text()
        for before, after in (
            (f"{FIRST}:{ports['proxy']}", f"{SECOND}:{ports['proxy']}"),
            (f"{FIRST}:{ports['link']}", f"{SECOND}:{link}"),
            (f"{FIRST}:{ports['proxy_admin']}", f"{SECOND}:{admin}"),
            ("proxy-amber", "proxy-second"),
            ('/amber/proxy"', '/amber/second"'),
        ):
            assert before in config
            config = config.replace(before, after)
        self._config = demo.data / "second.toml"
        self._config.write_text(config)

    def start(self):
        self._process = self._demo.run_service("proxy-second", self._config)

    def end(self):
        self._process.terminate()
        self._process.wait(20)


def dig(demo, name=HELLO):
    ran = subprocess.run(
        [DIG, "@127.0.0.1", "-p", str(demo.ports["nameserver"]), name, "A", "+short"],
        capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    return set(ran.stdout.split())


def ill(demo, reporter):
    """Give how many addresses a reporter finds ill."""
    lines = httpx.get(f"{demo.admin(reporter)}/metrics").text.splitlines()
    (value,) = [line.split()[-1] for line in lines if "addresses_ill " in line and
                not line.startswith("#")]  # fmt: skip
    return float(value)


def set_addresses(demo, *addresses):
    cluster = demo.api("GET", "/clusters/amber").json()
    told = {key: cluster[key] for key in ("name", "links", "prefers", "port")}
    answer = demo.api("PUT", "/clusters/amber", told | {"addresses": addresses})
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def demo(running_demo, tmp_path_factory):
    """One whose reporters look often, and whose amber has two addresses."""
    with running_demo(tmp_path_factory.mktemp("health")) as demo:
        demo.kill(*REPORTERS)
        for name in REPORTERS:
            config = demo.data / f"{name}.toml"
            config.write_text("probe_seconds = 0.2\n" + config.read_text())
        demo.mend()
        set_addresses(demo, FIRST, SECOND)
        yield demo


@pytest.fixture
def second(demo):
    second = SecondProxy(demo)
    second.start()
    try:
        wait_until(lambda: dig(demo) == {FIRST, SECOND})
        yield second
    finally:
        second.end()


def test_an_address_that_is_dead_is_answered_no_more_until_it_is_back(demo, second):
    second.end()
    wait_until(lambda: dig(demo) == {FIRST})
    (ailing,) = demo.run("cluster", "show", "amber")["ailing"]
    assert (ailing["address"], ailing["withdrawn"]) == (SECOND, True)
    assert ailing["said"] == (
        "cluster/birch: Connection refused; nameserver/ns1: Connection refused"
    )
    status = demo.run("status")
    assert (
        f"cluster amber: {SECOND} is withdrawn since {ailing['since']}"
        in (status["problems"][0])
    )
    assert demo.fetch(HELLO).status_code == 200
    second.start()
    wait_until(lambda: dig(demo) == {FIRST, SECOND})
    assert "ailing" not in demo.run("cluster", "show", "amber")


def test_of_two_dead_addresses_one_is_answered_still(demo, second):
    second.end()
    wait_until(lambda: dig(demo) == {FIRST})
    demo.kill("proxy-amber")
    try:
        # Both reporters see it, and it stays all the same.
        wait_until(lambda: ill(demo, "nameserver") == ill(demo, "manager-birch") == 2)
        assert dig(demo) == {FIRST}
    finally:
        demo.restart("proxy-amber")
        second.start()
    wait_until(lambda: dig(demo) == {FIRST, SECOND})


def test_without_a_directory_answers_stay_as_they_were(demo, second):
    second.end()
    wait_until(lambda: dig(demo) == {FIRST})
    demo.kill("directory")
    try:
        second.start()
        at = f"http://{SECOND}:{demo.ports['amber']['proxy']}"
        wait_until(lambda: probed(at) == "amber\n")
        ill = demo.metric("birch", "domicile_manager_addresses_ill", "manager")
        wait_until(
            lambda: (
                demo.metric("birch", "domicile_manager_addresses_ill", "manager") == 0
            )
        )
        assert ill in {0, 1}
        assert dig(demo) == {FIRST}
    finally:
        demo.mend()
    wait_until(lambda: dig(demo) == {FIRST, SECOND})


def probed(at):
    try:
        return httpx.get(f"{at}/.well-known/domicile/health").text
    except httpx.TransportError:
        return None


def test_the_path_of_probes_is_an_app_s_own_under_its_name(demo, second):
    answer = demo.fetch(HELLO, "/.well-known/domicile/health", at="amber")
    assert answer.text != "amber\n"


def test_a_lost_cluster_s_names_lead_to_a_page_and_its_apps_can_leave(demo, second):
    lost = demo.run("cluster", "lost", "amber", "--fallback", "127.0.0.80")
    assert lost["lost"]
    wait_until(lambda: dig(demo) == {"127.0.0.80"})
    said = "cluster amber is declared lost: its apps' names lead to 127.0.0.80"
    assert said in demo.run("status")["problems"]
    assert "is declared lost" in demo.refused(
        "app", "move", "chat.bob", "--to", "amber"
    )
    demo.kill("manager-amber", "proxy-amber")
    try:
        # Nobody waits for what amber does: it is away.
        moved = demo.move("hello.ada", "birch")
        assert moved["step"] == "finished"
        wait_until(lambda: dig(demo) == {"127.0.0.12"})
        assert demo.fetch(HELLO).headers["cluster"] == "birch"
        assert dig(demo, "upload.ada.apps.test") == {"127.0.0.80"}
    finally:
        demo.mend()
    assert not demo.run("cluster", "found", "amber").get("lost")
    wait_until(lambda: dig(demo, "upload.ada.apps.test") == {FIRST, SECOND})
    # What was wanted of it meanwhile is done: it has a tombstone, and leads on.
    wait_until(lambda: "amber" not in demo.run("app", "show", "hello.ada")["waits_for"])
    assert demo.fetch(HELLO, at="amber").headers["cluster"] == "birch"
