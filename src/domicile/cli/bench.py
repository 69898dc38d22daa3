"""The verbs that measure: what a query, or a request, costs of the processor."""

import sys
from typing import Annotated, Any

import typer

from domicile.bench.makes import Make
from domicile.bench.names import Mix
from domicile.cli.examples import examples
from domicile.cli.session import AsJson, say, show_rows

bench = typer.Typer(
    help="What serving costs, beside what peers cost.", no_args_is_help=True
)

# A table that is read has no room for all.
_ONLY_IN_JSON = {"anon_mib", "ready_s", "changes", "waited_for"}

Runs = Annotated[int, typer.Option(min=1, help="Rounds; every server runs in each.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="How long each run is.")]
Names = Annotated[int, typer.Option(min=1, help="So many apps are known.")]

AskedNames = Annotated[
    Mix, typer.Option(help="Which names are asked; do: with DO, of a signed zone.")
]
Changes = Annotated[
    float, typer.Option(min=0, help="So many apps move each second, of those we serve.")
]
Servers = Annotated[
    list[Make] | None,
    typer.Option(help="Measure this one, and others so named [all installed]."),
]
Workers = Annotated[
    int, typer.Option(min=1, help="Workers of our own; each peer has one.")
]
RunsByNames = Annotated[
    int | None,
    typer.Option(min=1, help="Rounds; every server runs in each [5; 3 at many]."),
]
Every = Annotated[
    bool,
    typer.Option(
        "--all", help="Every mix and changes, at 100,000 and 10,000,000 names."
    ),
]


@bench.command(
    "dns",
    epilog=examples(
        "domicile bench dns",
        "domicile bench dns --mix zipf --names 1000000 --json",
        "domicile bench dns --names 10000000 --server domicile --server nsd",
        "domicile bench dns --changes 100 --workers 2 --server domicile",
        "domicile bench dns --runs 1 --seconds 1",
    ),
)
def measure_dns(
    names: Names = 100_000,
    mix: AskedNames = Mix.UNIFORM,
    changes: Changes = 0.0,
    server: Servers = None,
    workers: Workers = 1,
    runs: RunsByNames = None,
    seconds: Seconds = 4.0,
    every: Every = False,
    as_json: AsJson = False,
) -> None:
    """Measure name servers: processor time per query, ours and the peers installed.

    Server and generator (dnsperf) have a core each; figures are medians of interleaved
    runs. `floor` takes datagrams in and sends them back, and does nothing else.
    """
    # Only here: no other verb needs it.
    from domicile.bench.dns import Sides, bench_dns  # noqa: PLC0415
    from domicile.bench.points import ALL_POINTS, Point, runs_at  # noqa: PLC0415
    from domicile.bench.rounds import Effort  # noqa: PLC0415

    points = ALL_POINTS if every else [Point(names, mix, changes)]
    sides = Sides(server or (), workers)
    rows = [
        row
        for point in points
        for row in bench_dns(
            point, sides, Effort(runs or runs_at(point.names), seconds, say)
        )
    ]
    _show(rows, "cpu_us_per_query", "floor", as_json)


@bench.command(
    "proxy",
    epilog=examples(
        "domicile bench proxy",
        "domicile bench proxy --connections 200 --json",
    ),
)
def measure_proxy(
    names: Names = 1_000,
    connections: Annotated[int, typer.Option(min=1, help="Kept open by wrk.")] = 50,
    runs: Runs = 5,
    seconds: Seconds = 4.0,
    as_json: AsJson = False,
) -> None:
    """Measure proxies: processor time per request on kept connections.

    Proxy and generator (wrk) have a core each; figures are medians of interleaved runs.
    """
    from domicile.bench.proxy import bench_proxy  # noqa: PLC0415
    from domicile.bench.rounds import Effort  # noqa: PLC0415

    rows = list(bench_proxy(names, connections, Effort(runs, seconds, say)))
    _show(rows, "cpu_us_per_request", "nginx", as_json)


@bench.command(
    "size",
    epilog=examples(
        "domicile bench size",
        "domicile bench size --names 10000000 --json",
    ),
)
def measure_size(names: Names = 1_000_000, as_json: AsJson = False) -> None:
    """Measure what so many apps take of a name server: disk, memory, time to start.

    A replica is written as a first copy is, and a name server started on it. A worker's
    memory is all that it has resident beside the mapped replica, which all share.
    """
    from domicile.bench.size import bench_size  # noqa: PLC0415

    rows = list(bench_size(names, say))
    show_rows(rows, list(rows[0]), as_json)


def _show(rows: list[dict[str, Any]], cost: str, beside: str, as_json: bool) -> None:
    """Print the rows; for people with how many times that of another each costs."""
    if not as_json:
        of_beside = {_kind(row): row[cost] for row in rows if row["server"] == beside}
        for row in rows:
            if base := of_beside.get(_kind(row)):
                row[f"x {beside}"] = f"{row[cost] / base:.2f}"
        from domicile.bench.machine import describe  # noqa: PLC0415

        print(describe(), file=sys.stderr)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if not as_json:
        columns = [each for each in columns if each not in _ONLY_IN_JSON]
    show_rows(rows, columns, as_json)


def _kind(row: dict[str, Any]) -> tuple[Any, ...]:
    return row.get("names"), row.get("mix"), row.get("changes_per_s")
