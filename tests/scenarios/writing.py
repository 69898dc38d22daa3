"""A replica that is written to as scenarios go on, as if a directory had said so."""

from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import encode
from domicile.replica.replica import Replica


class Written:
    """A replica, and the serial of what was written last."""

    def __init__(self, folder):
        self.replica = Replica.open(folder, writable=True)
        self.serial = 0

    def write(self, *records, gone=(), heard=True):
        """Take in records, and that others are gone; it was `heard` just now, or long ago."""
        values = [(each, encode(each)) for each in records]
        values += [(each, None) for each in gone]
        changes = [
            Change(serial, each.kind, each.key, each.scope, value, NO_CHAIN)
            for serial, (each, value) in enumerate(values, self.serial + 1)
        ]
        begin = self.replica.apply if self.serial else self.replica.replace
        self.serial += len(changes)
        begin(changes, self.serial, NO_CHAIN)
        if heard:
            self.replica.freshness.stamp()

    def close(self):
        self.replica.close()
