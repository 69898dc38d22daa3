"""The API's routes for challenges, and for the keys by which others change them."""

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from domicile.directory.access import Operation
from domicile.directory.apps_api import Shown
from domicile.directory.challenges import (
    ChallengeShown,
    NewChallenge,
    everywhere,
    find_challenge,
    set_challenge,
    shown_challenge,
    update,
)
from domicile.directory.conversation import Asked, work_once
from domicile.directory.service import Directory
from domicile.directory.update_keys import (
    KeyAdded,
    KeyShown,
    NewKey,
    add_key,
    all_keys,
    remove_key,
)
from domicile.model.challenges import Update, Updated
from domicile.model.zone_records import Challenge
from domicile.store.transaction import Transaction

Opened = NamedDependency[Directory]


class ChallengeSet(msgspec.Struct, frozen=True):
    """Every name server that is not behind answers so, as of the serial."""

    serial: int


@get("/challenges", operation=Operation.CHALLENGE_LIST)
async def list_challenges(directory: Opened) -> Shown:
    now = directory.clock()
    async with directory.store.reading() as reading:
        every = [shown_challenge(each, now) for each in await reading.all(Challenge)]
    return Shown([each for each in every if each.values])


@get("/challenges/{name:str}", operation=Operation.CHALLENGE_SHOW)
async def get_challenge(name: FromPath[str], directory: Opened) -> ChallengeShown:
    async with directory.store.reading() as reading:
        return await find_challenge(reading, name, directory.clock())


@put("/challenges/{name:str}", operation=Operation.CHALLENGE_PUT)
async def put_challenge(
    name: FromPath[str], data: JSONBody[NewChallenge], directory: Opened
) -> ChallengeSet:
    """Have a name have these values; answers once all name servers have them."""
    return await _set(directory, name, data)


@delete("/challenges/{name:str}", operation=Operation.CHALLENGE_DELETE, status_code=200)
async def delete_challenge(name: FromPath[str], directory: Opened) -> ChallengeSet:
    """Have a name have no values; answers once no name server has any."""
    return await _set(directory, name, NewChallenge(()))


@post("/updates", operation=Operation.CHALLENGE_UPDATE, status_code=200)
async def post_update(data: JSONBody[Update], directory: Opened) -> Updated:
    """Do what a key has signed; answers once all name servers have it."""
    async with directory.store.transaction() as tx:
        done = await update(tx, data)
    await everywhere(directory, done.serial)
    return done


@post("/keys", operation=Operation.KEY_ADD)
async def post_key(
    request: Asked, data: JSONBody[NewKey], directory: Opened
) -> Response[bytes]:
    async def work(tx: Transaction) -> KeyAdded:
        return await add_key(tx, directory.sealing_key, data)

    return await work_once(request, directory, work)


@get("/keys", operation=Operation.KEY_LIST)
async def list_keys(directory: Opened) -> Shown:
    async with directory.store.reading() as reading:
        return Shown(await all_keys(reading))


@post("/keys/{name:str}/remove", operation=Operation.KEY_REMOVE)
async def post_key_removal(
    request: Asked, name: FromPath[str], directory: Opened
) -> Response[bytes]:
    async def work(tx: Transaction) -> KeyShown:
        return await remove_key(tx, name)

    return await work_once(request, directory, work)


async def _set(directory: Directory, name: str, wanted: NewChallenge) -> ChallengeSet:
    async with directory.store.transaction() as tx:
        serial = await set_challenge(tx, name, wanted)
    await everywhere(directory, serial)
    return ChallengeSet(serial)


ROUTES = (
    list_challenges, get_challenge, put_challenge, delete_challenge, post_update,
    post_key, list_keys, post_key_removal,
)  # fmt: skip
