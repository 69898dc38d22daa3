"""Names for the shell to complete, as the directory knows them.

A shell waits while we ask, so there is a second for it; and whoever cannot be asked, or
says no, completes nothing and is not complained of.
"""

from collections.abc import Callable

import typer

from domicile.client.access import data_folder, find_access
from domicile.client.api import Api
from domicile.client.suggestion import names_of
from domicile.errors import DomicileError

_SECONDS = 1.0

Completion = Callable[[typer.Context, str], list[str]]


def completes(kind: str) -> Completion:
    """Give what completes names of that kind: app, cluster, owner, domain, …"""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        try:
            api = Api(find_access(data_folder(context.params.get("data"))), _SECONDS)
        except DomicileError:
            return []
        try:
            names = names_of(api, kind)
        except DomicileError:
            return []
        finally:
            api.close()
        return sorted(each for each in names if each.startswith(incomplete))

    return complete
