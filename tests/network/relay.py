"""A network that is as bad as a test wants it: relays for TCP and UDP, on loopback.

    client <--> relay's place <--> target

A relay changes nothing of what it carries, and is told at any time what to do with it:
to be slow, to lose, to double, to overtake, to cut, to be silent, to refuse, to heal.
All relays of a network run in a thread of its own; the test only calls them.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from dataclasses import dataclass

_PIECE = 1 << 14
_RESET = struct.pack("ii", 1, 0)
_LATE_SECONDS = 0.05


class Network:
    """A thread that relays, as a context manager."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._relays = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        for relay in self._relays:
            self.do(relay.close)
        self.do(_end_tasks)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def tcp(self, target, host="127.0.0.1"):
        """Make a relay to a (host, port), at a port of the host that nobody has."""
        relay = TcpRelay(self, target, host)
        self._relays.append(relay)
        relay.heal()
        return relay

    def udp(self, target, seed, host="127.0.0.1", port=0):
        relay = UdpRelay(target, random.Random(seed))
        self._relays.append(relay)
        self.do(relay.open, host, port)
        return relay

    def do(self, work, *told):
        """Do it in the relays' thread, and wait until it is done."""

        async def call():
            done = work(*told)
            return await done if asyncio.iscoroutine(done) else done

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(20)


async def _end_tasks():
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Way:
    """One direction of a TCP relay: seconds that each piece is late, bytes a second.

    The connection that carries the last of the bytes that are `left` is cut there.
    """

    delay: float = 0.0
    rate: float = float("inf")
    left: int | None = None
    carried: int = 0

    def take(self, data):
        data = data[: self.left]
        self.carried += len(data)
        if self.left is not None:
            self.left -= len(data)
        return data


class _Cut(Exception):
    pass


class TcpRelay:
    """Relays connections; `up` leads to the target, `down` back from it."""

    def __init__(self, network, target, host):
        self.target = target
        self.up, self.down = Way(), Way()
        self.accepted = self.cuts = 0
        self.resets = False
        self._network = network
        # Holds the port while nobody listens there.
        self._holder = _bound(host, 0)
        self.place = self._holder.getsockname()
        self._server = None
        self._flowing = asyncio.Event()
        self._open = set()

    @property
    def address(self):
        return "{}:{}".format(*self.place)

    @property
    def url(self):
        return f"http://{self.address}"

    def cut_after(self, way, count, *, reset=False):
        """Cut the connection that carries so many more bytes that way, just there."""
        self.resets = reset
        way.left = count

    def cut(self, *, reset=False):
        """Cut all that is open."""
        self.resets = reset
        self._network.do(self._cut_all)

    def blackhole(self):
        """Accept, and carry nothing; what is sent is carried once it is healed."""
        self._network.do(self._flowing.clear)

    def refuse(self):
        """Reset what is open, and refuse what comes."""
        self.resets = True
        self._network.do(self.close, False)

    def heal(self):
        """Carry again."""
        self._network.do(self._listen)

    async def _listen(self):
        self._flowing.set()
        if self._server is None:
            listener = _bound(*self.place)
            self._server = await asyncio.start_server(self._serve, sock=listener)

    def close(self, for_good=True):
        if self._server is not None:
            self._server.close()
            self._server = None
        self._cut_all()
        if for_good:
            self._holder.close()

    def _cut_all(self):
        for writer in list(self._open):
            self._end(writer)

    def _end(self, writer):
        if self.resets and not writer.is_closing():
            bound = writer.get_extra_info("socket")
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        writer.close()

    async def _serve(self, reader, writer):
        self.accepted += 1
        self._open.add(writer)
        there = None
        try:
            await self._flowing.wait()
            back, there = await asyncio.open_connection(*self.target)
            self._open.add(there)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pour(self.up, reader, there))
                ways.create_task(self._pour(self.down, back, writer))
        except* (OSError, _Cut):
            pass
        finally:
            for each in filter(None, (writer, there)):
                self._open.discard(each)
                self._end(each)

    async def _pour(self, way, reader, writer):
        while True:
            data = await reader.read(_PIECE)
            await asyncio.sleep(way.delay + len(data) / way.rate)
            await self._flowing.wait()
            if not data:
                break
            writer.write(way.take(data))
            await writer.drain()
            if way.left == 0:
                way.left = None
                self.cuts += 1
                raise _Cut
        with contextlib.suppress(OSError):
            writer.write_eof()


def _bound(host, port):
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


@dataclass
class Weather:
    """What becomes of the datagrams of one direction: shares from 0 to 1, and seconds.

    Those that are late are overtaken by others.
    """

    loss: float = 0.0
    double: float = 0.0
    late: float = 0.0
    delay: float = 0.0
    lost: int = 0
    doubled: int = 0
    carried: int = 0

    @property
    def seen(self):
        return self.lost + self.carried - self.doubled


class UdpRelay:
    """Relays datagrams, each client's by a socket of its own."""

    def __init__(self, target, chance):
        self.target = target
        self.up, self.down = Weather(), Weather()
        self._chance = chance
        self._clients = {}

    async def open(self, host, port):
        loop = asyncio.get_running_loop()
        self._front, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._take_up), local_addr=(host, port)
        )
        self.place = self._front.get_extra_info("sockname")

    def close(self):
        self._front.abort()
        for client in self._clients.values():
            client.cancel() or client.result().abort()

    def _take_up(self, data, client):
        loop = asyncio.get_running_loop()
        if client not in self._clients:
            self._clients[client] = loop.create_task(self._connect(client))
        self._clients[client].add_done_callback(
            lambda there: there.cancelled() or self._carry(self.up, there, data)
        )

    async def _connect(self, client):
        def back(data, _):
            self._fall(self.down, lambda: self._front.sendto(data, client))

        there, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(back), remote_addr=self.target
        )
        return there

    def _carry(self, weather, there, data):
        self._fall(weather, lambda: there.result().sendto(data))

    def _fall(self, weather, send):
        """Let chance say how often, and when, a datagram arrives."""
        if self._chance.random() < weather.loss:
            weather.lost += 1
            return
        copies = 1 + (self._chance.random() < weather.double)
        weather.doubled += copies - 1
        for _ in range(copies):
            late = self._chance.random() < weather.late
            seconds = weather.delay + late * _LATE_SECONDS
            weather.carried += 1
            if seconds:
                asyncio.get_running_loop().call_later(seconds, send)
            else:
                send()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, take):
        self._take = take

    def datagram_received(self, data, addr):
        self._take(data, addr)
