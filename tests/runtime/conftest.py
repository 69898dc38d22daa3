"""A folder where apps of a test run, and are stopped after it."""

import pytest

from domicile.runtime import processes


class Yard:
    """Where a test's apps live."""

    def __init__(self, folder):
        self.records = folder / "records"
        self.home = folder / "home"
        self.log = folder / "log"
        for each in (self.records, self.home):
            each.mkdir()

    def order(self, command, name="app-1", port=0, **environment):
        return processes.Start(name, command, self.home, self.log, port, environment)

    def start(self, command, name="app-1", port=0, **environment):
        return processes.start(
            self.order(command, name, port, **environment), self.records
        )

    def lines(self, count):
        """Wait until the apps have logged that many lines."""
        while True:
            found = self.log.read_text().splitlines() if self.log.exists() else []
            if len(found) >= count:
                return found


@pytest.fixture
async def yard(tmp_path):
    yard = Yard(tmp_path)
    yield yard
    await processes.sweep(yard.records, grace=0)
