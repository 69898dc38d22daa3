"""Views over plain dicts, in the place of a replica."""

from types import SimpleNamespace

import pytest

from domicile.model.zone_records import challenge_key


class DictView:
    """Any view of the model's, over records handed to it."""

    def __init__(self, *records, behind=False):
        self.behind = behind
        self.by_key = {(record.kind, record.key): record for record in records}
        self.by_index = {
            (record.kind, key): record
            for record in records
            for key in record.index_keys
        }
        self.by_entry = {
            (record.kind, key): entry
            for record in records
            for key, entry in record.entries.items()
        }
        self.by_app = {
            record.app: record for record in records if record.kind == "residence"
        }

    def zone(self, name):
        return self.by_key.get(("zone", name))

    def owner(self, name):
        return self.by_key.get(("owner", name))

    def placed(self, host):
        return self.by_entry.get(("placement", host))

    def placement(self, app):
        return self.by_key.get(("placement", app))

    def cluster(self, name):
        return self.by_key.get(("cluster", name))

    def challenge(self, name):
        return self.by_key.get(("challenge", challenge_key(name)))

    def has_challenge_below(self, name):
        below = challenge_key(name) + "."
        return any(
            kind == "challenge" and key.startswith(below) for kind, key in self.by_key
        )

    def residence(self, app):
        return self.by_app.get(app)

    def residence_of_host(self, host):
        return self.by_index.get(("residence", host))

    def endpoint(self, app):
        return self.by_key.get(("endpoint", app))


@pytest.fixture
def views():
    return SimpleNamespace(of=DictView)
