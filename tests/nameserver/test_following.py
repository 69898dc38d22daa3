"""The follower's own part: a replica that can be written, and what it explains."""

from domicile.nameserver.following import explain


def test_a_host_is_explained_in_any_case_and_with_the_root(replica):
    told = explain("ns1", replica, "Hello.Ada.Apps.Test.")
    assert (told["cluster"], told["generation"]) == ("amber", 2)
    assert told["addresses"] == ("127.0.0.11",)


def test_a_host_that_is_not_ours_has_no_cluster(replica):
    told = explain("ns1", replica, "")
    assert (told["serial"], told["cluster"], told["addresses"]) == (4, "", ())
