import os

import pytest

from domicile.client.paths import NoSuch, path_to


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("hello.ada", "hello.ada"),
        ("hello.ada?x=1", "hello.ada%3Fx%3D1"),
        ("a#b c%2f\n", "a%23b%20c%252f%0A"),
        ("é", "%C3%A9"),
        (os.fsdecode(b"\xff"), "%FF"),
    ],
)
def test_a_name_is_one_segment_of_the_path(name, segment):
    assert path_to("app", name) == f"/apps/{segment}"
    assert path_to("app", name, "moves") == f"/apps/{segment}/moves"


@pytest.mark.parametrize("name", ["", ".", "..", "../owners/eve", "/", "a/b"])
def test_a_name_that_would_be_another_path_is_nobodys(name):
    with pytest.raises(NoSuch, match="no owner '"):
        path_to("owner", name)
