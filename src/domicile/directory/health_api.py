"""The API's routes for the health of clusters: what is seen, and what is declared."""

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from domicile.directory.access import Operation
from domicile.directory.conversation import Asked, work_once
from domicile.directory.health import take_sightings
from domicile.directory.registry import Loss, declare_found, declare_lost
from domicile.directory.service import Directory
from domicile.model.health import Sighting
from domicile.model.records import Cluster
from domicile.store.transaction import Transaction

Opened = NamedDependency[Directory]


@post("/sightings", operation=Operation.SIGHTING, status_code=204)
async def post_sightings(
    request: Asked, data: JSONBody[list[Sighting]], directory: Opened
) -> None:
    """Take what a manager or a name server sees of clusters' addresses."""
    caller = request.user
    caller.demand(Operation.SIGHTING, caller.subject)
    async with directory.store.transaction() as tx:
        await take_sightings(tx, caller.role, caller.subject, data)


@post("/clusters/{name:str}/lost", operation=Operation.CLUSTER_DECLARE)
async def post_lost(
    request: Asked, name: FromPath[str], data: JSONBody[Loss], directory: Opened
) -> Response[bytes]:
    """Declare a cluster lost: its names lead to the fallback, and no app goes there."""

    async def work(tx: Transaction) -> Cluster:
        return await declare_lost(tx, name, data.fallback or directory.fallback)

    return await work_once(request, directory, work)


@post("/clusters/{name:str}/found", operation=Operation.CLUSTER_DECLARE)
async def post_found(
    request: Asked, name: FromPath[str], directory: Opened
) -> Response[bytes]:
    """Declare a cluster to be as it was before it was lost."""

    async def work(tx: Transaction) -> Cluster:
        return await declare_found(tx, name)

    return await work_once(request, directory, work)


ROUTES = (post_sightings, post_lost, post_found)
