"""The name server's processes: a parent, its workers, and the follower."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from domicile.config import Address
from domicile.nameserver import following, worker
from domicile.nameserver.counts import FAMILIES, Tally, TransferTally
from domicile.nameserver.handover import open_hand_over
from domicile.nameserver.published import Published
from domicile.nameserver.settings import Settings, load_settings
from domicile.nameserver.transfers import process
from domicile.nameserver.transfers.process import Part
from domicile.nameserver.worker import Sockets, Work
from domicile.replica.replica import Replica
from domicile.service import logs
from domicile.service.channel import open_channels
from domicile.service.counters import Counters
from domicile.service.parent import run_children
from domicile.service.sockets import Listeners, Protocol, open_alone, open_for_workers


def main(config: Path) -> None:
    """Run the name server until SIGTERM or SIGINT; raises DomicileError."""
    settings = load_settings(config)
    source = settings.source()
    # Before the fork: the workers share them.
    offers = settings.read_offers()
    hand_over, intake = open_hand_over() if offers else (None, None)
    published = Published([each.apex for each in offers]) if offers else None
    keys = {each.key.name: each.key for each in offers if each.key}
    own = settings.read_own()._replace(published=published, keys=keys)
    work = Work(settings, own, settings.read_certificate(), source, hand_over)
    logs.configure("nameserver")
    # It would write a line for each question to the feed.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    names = [f"worker-{number}" for number in range(1, settings.workers + 1)]
    with ExitStack() as stack:
        shares = _listen(stack, settings)
        admin = None
        if settings.admin:
            admin = stack.enter_context(open_alone(Address.parse(settings.admin)))
        channel, ends = open_channels(names)
        # The last row is for who gives transfers.
        counters = Counters(FAMILIES, settings.workers + 1)
        workers = [
            (name, partial(worker.run, name, work, sockets, ends[name], tally))
            for name, sockets, tally in zip(
                names, shares, _tallies(counters, names), strict=True
            )
        ]
        follow = partial(following.run, settings, source, channel, admin, counters)
        if intake:
            tally = TransferTally(counters, counters.row(settings.workers))
            part = Part(offers, own, intake, tally)
            folder = settings.folder if settings.directory else None
            workers.append(("transfers", partial(process.run, part, folder)))
        run_children(
            [("follower", follow), *workers],
            on_crashes=lambda _: _set_aside(settings),
        )


def _set_aside(settings: Settings) -> None:
    if settings.directory:
        Replica.set_aside(settings.folder)


def _listen(stack: ExitStack, settings: Settings) -> list[Sockets]:
    """Open what the workers listen on, until the stack is closed."""

    def opened(address: Address, *protocols: Protocol) -> Listeners:
        found = open_for_workers(address, settings.workers, protocols)
        return stack.enter_context(closing(found))

    return _shares(
        [opened(each, Protocol.UDP, Protocol.TCP) for each in settings.addresses],
        [opened(each, Protocol.TCP) for each in settings.tls_addresses],
    )


def _tallies(counters: Counters, names: Sequence[str]) -> list[Tally]:
    return [Tally(counters, counters.row(number)) for number in range(len(names))]


def _shares(
    listeners: Sequence[Listeners], secure: Sequence[Listeners]
) -> list[Sockets]:
    """Give each worker its socket of every address and protocol."""
    workers = range(len(listeners[0].udp))
    return [
        Sockets(
            [each.udp[number] for each in listeners],
            [each.tcp[number] for each in listeners],
            [each.tcp[number] for each in secure],
        )
        for number in workers
    ]
