"""Apps of several zones that change all the while; one of the zones is signed online."""

import itertools
import threading
from typing import NamedTuple

import dns.name
import dns.rdata
import dns.rrset
from dns.rdataclass import IN
from dns.rdatatype import DNSKEY
from zonekeys import made

from domicile.model.ids import new_id
from domicile.model.records import Cluster, Owner, Placement, Zone

APPS = 42
CLUSTERS = {f"cluster-{n}": f"127.0.1.{n}" for n in range(1, 9)}
# Of so many apps there are namesakes in the other zones, where no app is.
_NAMESAKES = 6


class Domain(NamedTuple):
    """A zone, and who has all the apps in it."""

    zone: str
    owner: str


PLAIN = Domain("apps.test", "ada")
INNER = Domain("more.apps.test", "bob")
SIGNED = Domain("safe.test", "eve")
DOMAINS = (PLAIN, INNER, SIGNED)


class Changer(threading.Thread):
    """Makes, moves, renames and deletes apps, and notes what each name then stands for."""

    def __init__(self, directory, history):
        super().__init__()
        self._directory = directory
        self._history = history
        self._over = threading.Event()
        self._may_change = threading.Lock()
        self._turns = itertools.cycle(CLUSTERS)
        self._domains = itertools.cycle(DOMAINS)
        self._apps = {}
        self._key = made(SIGNED.zone)
        self.changes = 0

    def begin(self):
        """Have everything there once, before anybody asks."""
        records = [
            Zone(each.zone, {f"ns1.{each.zone}": ("127.0.0.1",)}) for each in DOMAINS
        ]
        records += [Owner(each.owner, each.zone, "free") for each in DOMAINS]
        records += [Cluster(name, (at,), ()) for name, at in CLUSTERS.items()]
        apps = [self._made(f"app{n}") for n in range(APPS)]
        self._history.begin(
            {
                host: None
                for app in apps[:_NAMESAKES]
                for other in DOMAINS
                if other.zone != app.zone
                for host in hosts_of(app, other.zone)
            }
        )
        self._commit([*records, self._key, *apps])

    def keys(self):
        """Give the DNSKEY RRset of each zone that is signed, by its apex."""
        apex = dns.name.from_text(SIGNED.zone)
        public = self._key.public
        key = dns.rdata.from_wire(IN, DNSKEY, public, 0, len(public))
        return {apex: dns.rrset.from_rdata(apex, 3600, key)}

    def _commit(self, records, deleted=()):
        """Write records, and have apps of them in the place of what was deleted."""
        apps = [each for each in records if isinstance(each, Placement)]
        known = [self._apps[each.app] for each in apps if each.app in self._apps]
        stands = {host: None for app in [*known, *deleted] for host in hosts_of(app)}
        for app in apps:
            stands |= dict.fromkeys(hosts_of(app), CLUSTERS[app.cluster])
        self._history.begin(stands)
        self._directory.write(records, [(Placement, app.app) for app in deleted])
        self._history.finish(stands)
        self._apps |= {app.app: app for app in apps}
        for app in deleted:
            del self._apps[app.app]

    def run(self):
        numbers = itertools.count(APPS)
        while not self._over.wait(0.02):
            with self._may_change:
                kind = self.changes % 8
                app = list(self._apps.values())[self.changes * 7 % len(self._apps)]
                if kind < 5:
                    self._replace(app, generation=app.generation + 1)
                elif kind == 5:
                    self._replace(app, name=f"app{next(numbers)}")
                elif kind == 6:
                    self._commit((), [app])
                else:
                    self._commit([self._made(f"app{next(numbers)}")])
                self.changes += 1

    def _replace(self, app, generation=None, name=None):
        cluster = next(self._turns) if generation else app.cluster
        changed = Placement(
            app.app, cluster, generation or app.generation, name or app.name, app.owner,
            app.zone,
        )  # fmt: skip
        self._commit([changed])

    def _made(self, name):
        zone, owner = next(self._domains)
        return Placement(new_id(), next(self._turns), 1, name, owner, zone)

    def pause(self):
        """Have nothing change while this is held."""
        return self._may_change

    def end(self):
        self._over.set()
        self.join()


def hosts_of(app, zone=None):
    """Give the hosts of an app, or of its namesake in another zone."""
    zone = zone or app.zone
    owned = f"{app.name}.{app.owner}", f"{app.name}--{app.owner}", app.app
    return tuple(f"{each}.{zone}" for each in owned)
