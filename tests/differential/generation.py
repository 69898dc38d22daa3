"""Zones made by chance out of a seed: every kind of node, near to each other."""

import random

LABELS = ("a", "b", "c", "D-d")
TOP = "example."
SIDE = "side.test."
CHILD = "kid.a.example."
APEXES = (TOP, SIDE, CHILD)


def zones(seed):
    """Master files by apex: two that lie apart, and one below the first."""
    chance = random.Random(seed)
    return {
        TOP: _zone(chance, TOP, below=CHILD),
        SIDE: _zone(chance, SIDE),
        CHILD: _zone(chance, CHILD),
    }


def questions(seed, count):
    """Names in, beside, below and above what the zones have, with types."""
    chance = random.Random(seed)
    for _ in range(count):
        depth = chance.choices(range(6), (1, 4, 6, 6, 3, 1))[0]
        labels = [chance.choice((*LABELS, "*", "zz", "kid")) for _ in range(depth)]
        apex = chance.choice((TOP, TOP, SIDE, CHILD))
        name = ".".join([*labels, apex])
        if chance.random() < 0.2:
            name = "".join(chance.choice((c.upper(), c.lower())) for c in name)
        if chance.random() < 0.01:
            name = "nobodys.invalid."
        yield name, chance.choice(TYPES)


TYPES = (
    "A", "A", "A", "AAAA", "TXT", "MX", "SRV", "CAA", "HTTPS", "NS", "SOA", "CNAME",
    "DNAME", "DS", "TYPE65280", "HINFO",
)  # fmt: skip


def _zone(chance, apex, below=None):
    lines = [
        f"{apex} 3600 IN SOA ns.{apex} host.{apex} 7 3600 600 86400 {chance.choice((5, 900))}",
        f"{apex} 3600 IN NS ns.{apex}",
        f"ns.{apex} 300 IN A 192.0.2.53",
    ]
    if chance.random() < 0.5:
        lines.append(f"{apex} 300 IN MX 10 mail.{apex}")
    taken = {apex, f"ns.{apex}"}
    if below:
        lines += [f"{below} 600 IN NS ns.{below}", f"ns.{below} 60 IN A 192.0.2.54"]
        if chance.random() < 0.5:
            lines.append(f"{below} 600 IN DS 1 13 2 {'ab' * 32}")
        taken |= {below, f"ns.{below}"}
    closed = [below] if below else []
    for _ in range(chance.randint(5, 40)):
        depth = chance.choices((1, 2, 3, 4), (4, 5, 3, 1))[0]
        labels = [chance.choice(LABELS) for _ in range(depth)]
        if chance.random() < 0.25:
            labels[0] = "*"
        elif chance.random() < 0.05:
            labels[-1] = "*"  # a wildcard that has names below it
        name = ".".join([*labels, apex])
        known = {each.lower() for each in taken}
        if name.lower() in known or any(
            name.lower().endswith("." + each.lower()) for each in closed if each
        ):
            continue
        taken.add(name)
        lines += _node(chance, name, apex, closed, taken)
    return "\n".join(lines) + "\n"


def _node(chance, name, apex, closed, taken):
    what = chance.random()
    wild = name.startswith("*")
    nothing_below = not any(each.lower().endswith("." + name.lower()) for each in taken)
    if what < 0.2:
        return [f"{name} 120 IN CNAME {_target(chance, apex)}"]
    if what < 0.3 and not wild and nothing_below:
        closed.append(name)
        return [f"{name} 90 IN DNAME {_target(chance, apex)}"]
    if what < 0.42 and not wild and nothing_below:
        closed.append(name)
        return _cut(chance, name)
    return _records(chance, name, apex)


def _cut(chance, name):
    lines = [f"{name} 600 IN NS ns.{name}", f"ns.{name} 60 IN A 192.0.2.55"]
    if chance.random() < 0.5:
        lines.append(f"ns.{name} 60 IN AAAA 2001:db8::55")
    if chance.random() < 0.4:
        lines.append(f"{name} 600 IN NS elsewhere.invalid.")
    if chance.random() < 0.4:
        lines.append(f"{name} 600 IN DS 1 13 2 {'cd' * 32}")
    return lines


def _records(chance, name, apex):
    made = {
        "A": lambda: f"192.0.2.{chance.randint(1, 250)}",
        "AAAA": lambda: f"2001:db8::{chance.randint(1, 250)}",
        "TXT": lambda: f'"v={chance.randint(1, 99)}" "two strings"',
        "MX": lambda: f"{chance.randint(0, 50)} {_target(chance, apex)}",
        "SRV": lambda: f"1 2 443 {_target(chance, apex)}",
        "CAA": lambda: '0 issue "ca.example.net"',
        "HTTPS": lambda: f"1 {_target(chance, apex)} alpn=h2",
        "TYPE65280": lambda: "\\# 4 0a0b0c0d",
    }
    kinds = chance.sample(sorted(made), chance.randint(1, 3))
    lines = []
    for kind in kinds:
        datas = {made[kind]() for _ in range(chance.randint(1, 2))}
        lines += [f"{name} {300} IN {kind} {data}" for data in sorted(datas)]
    return lines


def _target(chance, apex):
    if chance.random() < 0.1:
        return "far.away.invalid."
    if chance.random() < 0.15:
        apex = chance.choice((TOP, SIDE, CHILD))
    depth = chance.choices((0, 1, 2, 3), (1, 5, 4, 2))[0]
    return ".".join([*(chance.choice(LABELS) for _ in range(depth)), apex])
