"""What the proxy answers by itself."""

import pytest

from domicile.http.head import ResponseHead, parse_response_head
from domicile.proxy.pages import write_page

STATUSES = [400, 404, 405, 410, 414, 417, 431, 501, 502, 503, 504, 505]


@pytest.mark.parametrize("status", STATUSES)
def test_every_page_is_a_whole_response_with_the_request_s_id(status):
    page = write_page(status, "f" * 32)
    head = parse_response_head(page, method=b"GET")
    assert isinstance(head, ResponseHead)
    assert head.status == status
    assert len(page) - head.end == head.length
    assert b"f" * 32 in page[head.end :]
    assert not head.keeps_alive


def test_only_unavailable_says_when_to_try_again():
    assert b"Retry-After: 2\r\n" in write_page(503, "f" * 32, retry_after=2)
    assert b"Retry-After" not in write_page(502, "f" * 32)


def test_head_gets_the_length_and_no_body():
    page = write_page(404, "f" * 32, method=b"HEAD", keep_alive=True)
    head = parse_response_head(page, method=b"HEAD")
    assert head.end == len(page)
    assert head.keeps_alive
    assert int(head.singled[b"content-length"][0]) > 0
