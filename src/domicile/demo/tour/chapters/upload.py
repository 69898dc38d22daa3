"""A large body goes through in bounded memory."""

import hashlib
import time
from collections.abc import Iterator

from domicile.demo.tour.expectation import Unexpected, expect
from domicile.demo.tour.memory import Memory
from domicile.demo.tour.stage import Stage

APP = "upload.ada"

_PIECE = bytes(range(256)) * 1024
_PIECES = 800  # 200 MiB
_MOST_GROWTH = 40 << 20
_MIB = 1 << 20


def upload_much(stage: Stage) -> None:
    host = stage.host_of(APP)
    cluster = stage.visitor.cluster_at(stage.visitor.resolve(host))
    digest = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for _ in range(_PIECES):
            digest.update(_PIECE)
            yield _PIECE

    began = time.monotonic()
    with Memory([_proxy(stage, each.name) for each in stage.clusters]) as memory:
        answer = stage.visitor.fetch(host, cluster, method="POST", content=pieces())
    seconds = time.monotonic() - began
    expect("status of the upload", answer.status_code, 200)
    told = answer.json()
    size = len(_PIECE) * _PIECES
    expect("length that the app was given", told["length"], size)
    expect("SHA-256 that the app was given", told["sha256"], digest.hexdigest())
    if memory.growth > _MOST_GROWTH:
        raise Unexpected(
            f"the proxies grew by {memory.growth // _MIB} MiB while {size // _MIB} MiB "
            f"went through: at most {_MOST_GROWTH // _MIB} MiB were expected"
        )
    stage.teller.draw(
        [
            f"client ── POST {size // _MIB} MiB ──> proxy in {cluster.name} ──> {APP}",
            f"  └── SHA-256 {told['sha256'][:16]}… at both ends",
        ]
    )
    stage.teller.checked(
        f"{size // _MIB} MiB went up in {seconds:.1f} s; all proxies together grew by "
        f"{memory.growth / _MIB:.1f} MiB."
    )


def _proxy(stage: Stage, cluster: str) -> int:
    return stage.services.pid(f"proxy-{cluster}")
