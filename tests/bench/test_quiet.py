"""A directory where nothing changes keeps a follower from being behind."""

import httpx

from domicile.bench.quiet import quiet_directory
from domicile.model.feed import Ask, Begin, End, FrameReader, encode_ask


def test_who_follows_has_all_there_is():
    chain = b"c" * 16
    body = encode_ask(Ask("me", ("zone",), after=7, chain=chain))
    with quiet_directory() as url:
        answer = httpx.post(f"{url}/v1/feed", content=body, trust_env=False)
        frames = list(FrameReader().feed(answer.content))
    assert frames[0] == Begin(7, 7, chain)
    assert isinstance(frames[-1], End)
    assert len(frames) == 2


def test_there_is_nothing_else():
    with quiet_directory() as url:
        assert httpx.post(f"{url}/v1/apps", content=b"", trust_env=False).is_error
