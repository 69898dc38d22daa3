"""The verbs about keys, against a directory that is real."""

import configparser
import json


def test_a_key_is_added_listed_and_removed(hosting):
    ran = hosting.run("key", "add", "acme", "--for", "ada.apps.test", "--json")
    added = json.loads(ran.stdout)
    assert (added["names"], added["algorithm"]) == (["ada.apps.test"], "hmac-sha256")
    (row,) = hosting.ask("key", "list")["rows"]
    assert row == {key: added[key] for key in row}
    assert "secret" not in row
    assert hosting.ask("key", "remove", "acme") == row
    assert hosting.ask("key", "list") == {"rows": []}


def test_what_people_read_can_be_pasted_where_clients_want_it(hosting):
    ran = hosting.run(
        "key", "add", "pasted", "--for", "ada.apps.test", "--algorithm", "hmac-sha512"
    )
    lines = ran.stdout.splitlines()
    (secret,) = [line.split()[1] for line in lines if line.startswith("secret ")]
    assert f"nsupdate -y hmac-sha512:pasted:{secret}" in lines
    assert f"RFC2136_TSIG_SECRET={secret}" in lines
    ini = configparser.ConfigParser()
    ini.read_string(
        "[a]\n" + "\n".join(line for line in lines if line.startswith("dns_rfc2136"))
    )
    assert ini["a"]["dns_rfc2136_algorithm"] == "HMAC-SHA512"
    assert secret not in hosting.run("key", "list").stdout
    hosting.run("key", "remove", "pasted")


def test_what_is_mistyped_is_suggested(hosting):
    hosting.run("key", "add", "certbot", "--for", "ada.apps.test")
    ran = hosting.run("key", "remove", "cerbot", code=1)
    assert "did you mean certbot?" in ran.stderr
    assert "for nothing" in hosting.run("key", "add", "none", code=1).stderr
    hosting.run("key", "remove", "certbot")
