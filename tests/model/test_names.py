import pytest

from domicile.model import ids, names


def test_an_id_is_a_label_of_130_random_bits():
    assert ids.new_id(lambda _: 0) == "a" * 26
    assert ids.new_id(lambda bits: (1 << bits) - 1) == "7" * 26
    assert ids.looks_like_id(ids.new_id())
    assert ids.new_id() != ids.new_id()


@pytest.mark.parametrize("name", ["a", "my-app2", "0", "x" * 30, "xn--mnchen-3ya"])
def test_a_good_name_is_taken(name):
    assert names.check_app_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "-a", "a-", "a--b", "A", "a.b", "a_b", "x" * 31, "xn--", "xn--!", "ü", "a\n"],
)
def test_a_bad_name_is_refused_with_its_name_in_the_error(name):
    with pytest.raises(names.BadName) as caught:
        names.check_app_name(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("name", ["www", "ns1", "a" * 26])
def test_an_owner_may_not_bear_a_reserved_label_or_an_id(name):
    names.check_app_name(name)
    with pytest.raises(names.BadName):
        names.check_owner_name(name)


def test_an_app_answers_to_three_hosts():
    assert names.hosts_of("hello", "ada", "i" * 26, "apps.test") == (
        "hello.ada.apps.test",
        "hello--ada.apps.test",
        f"{'i' * 26}.apps.test",
    )


def test_an_a_label_exists_in_the_dotted_form_only():
    hosts = names.hosts_of("xn--mnchen-3ya", "ada", "i" * 26, "apps.test")
    assert hosts == ("xn--mnchen-3ya.ada.apps.test", f"{'i' * 26}.apps.test")


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("hello--ada", ("hello", "ada")),
        ("my-app--a-b", ("my-app", "a-b")),
        ("hello", None),
        ("a--b--c", None),
        ("--b", None),
        ("a--", None),
        ("a---b", None),
    ],
)
def test_the_joined_form_splits_in_one_way(label, expected):
    assert names.split_joined(label) == expected


@pytest.mark.parametrize(
    "host",
    ["www.ada.example", "ada.example", "xn--mnchen-3ya.example", "notapps.test", "1.a"],
)
def test_a_host_of_somebodys_own_may_be_linked(host):
    assert names.check_domain(host, ["apps.test", "b.test"]) == host


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("", "is not a host name"),
        ("ada", "at least two labels"),
        ("192.0.2.1", "an address"),
        ("[::1]", "is not a host name"),
        ("WWW.Ada.example", "write 'www.ada.example'"),
        ("www.ada.example.", "write 'www.ada.example'"),
        ("münchen.example", "write 'xn--mnchen-3ya.example'"),
        ("www..example", "is not a host name"),
        ("_dmarc.ada.example", "is not a host name"),
        ("*.ada.example", "is not a host name"),
        ("-a.example", "is not a host name"),
        ("a.example\n", "is not a host name"),
        ("xn--a.example", "is not a valid IDN A-label"),
        (f"{'a' * 64}.example", "is not a host name"),
        ("a." * 126 + "aa", "254 characters"),
        ("apps.test", "our zone apps.test"),
        ("www.ada.apps.test", "our zone apps.test"),
    ],
)
def test_a_host_that_cannot_be_linked_is_refused_and_told_why(host, why):
    with pytest.raises(names.BadName) as caught:
        names.check_domain(host, ["other.test", "apps.test"])
    assert why in str(caught.value)
