"""The tables of a store: its records, their changes, and plain tables beside.

A new table or column comes with a migration; a test compares the two.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

metadata = MetaData()

# SQLite numbers rows itself only where the key is exactly INTEGER.
Serial = BigInteger().with_variant(Integer(), "sqlite")

records = Table(
    "records",
    metadata,
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("scope", String, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("serial", Serial, nullable=False),
    # The order of a snapshot.
    Index("records_by_serial", "serial"),
)

# What records are found by besides their key; several may share one.
index_keys = Table(
    "index_keys",
    metadata,
    Column("kind", String, primary_key=True),
    Column("index_key", String, primary_key=True),
    Column("key", String, primary_key=True),
    Index("index_keys_of_record", "kind", "key"),
)

# The digest of the records of each kind and scope (`model.digest`), and their number.
digests = Table(
    "digests",
    metadata,
    Column("kind", String, primary_key=True),
    Column("scope", String, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("records", Serial, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("serial", Serial, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("value", LargeBinary, nullable=True),
    Column("chain", LargeBinary, nullable=False),
    Column("at", Float, nullable=False),
)

# One row, updated last in a transaction: the serial and chain of the last change.
head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("serial", Serial, nullable=False),
    Column("chain", LargeBinary, nullable=False),
)

# Who follows: see `store.followers`.
followers = Table(
    "followers",
    metadata,
    Column("name", String, primary_key=True),
    Column("seen_at", Float, nullable=False),
    Column("beat", Serial, nullable=False),
    Column("word", LargeBinary, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("fence", Serial, nullable=False),
    Column("beat", Serial, nullable=False),
)

# The directory's: who may call it. A token itself is kept nowhere, only its SHA-256.
tokens = Table(
    "tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("role", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("made_at", Float, nullable=False),
)

# The directory's answers to a POST, to be repeated to who sends it again.
idempotency = Table(
    "idempotency",
    metadata,
    Column("token", LargeBinary, primary_key=True),
    Column("key", String, primary_key=True),
    Column("request", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("made_at", Float, nullable=False),
)

# What the clusters last said of the apps that they have or had.
reports = Table(
    "reports",
    metadata,
    Column("cluster", String, primary_key=True),
    Column("app", String, primary_key=True),
    Column("generation", Serial, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("at", Float, nullable=False),
)

# The directory's journal of moves: `body` is the move, `serial` that of its last step's
# last change, `since` when it took that step.
moves = Table(
    "moves",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("app", String, nullable=False, index=True),
    Column("step", String, nullable=False, index=True),
    Column("serial", Serial, nullable=False),
    Column("since", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# Apps deleted lately: their placements stay until their names may lead nowhere.
deletions = Table(
    "deletions",
    metadata,
    Column("app", String, primary_key=True),
    Column("at", Float, nullable=False),
)

# The directory's: what each reporter last saw of clusters' addresses (`model.health`).
sightings = Table(
    "sightings",
    metadata,
    Column("reporter", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("value", LargeBinary, nullable=False),
)

# The directory's: since when an address is withdrawn, and by whose word.
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("cluster", String, primary_key=True),
    Column("address", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("said", String, nullable=False),
)

# A cluster's: ports that apps have left, with the serial by which proxies know it.
ports = Table(
    "ports",
    metadata,
    Column("address", String, primary_key=True),
    Column("port", Integer, primary_key=True),
    Column("app", String, primary_key=True),
    Column("serial", Serial, nullable=False),
)

# A cluster's: what befell its apps, the last of each (`manager.events`).
events = Table(
    "events",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    Column("app", String, nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("what", String, nullable=False),
    Column("detail", String, nullable=False),
)
