"""The lines to paste once the demo is ready: each works as it stands."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from domicile.demo.plan import ClusterPlan, Plan
from domicile.host.command import of_folder, our_command


def to_paste(plan: Plan, data: Path, homes: Mapping[str, ClusterPlan]) -> Iterator[str]:
    """Give the lines, for the first app and the cluster where it lives."""
    yield f"ready: the API is at {plan.url}/v1, logs are in {data / 'logs'}; try"
    command = our_command(sys.argv[0], Path.cwd())
    of_data = of_folder(data)
    for app, home in list(homes.items())[:1]:
        host = f"{app}.{plan.zone}"
        fetch = f"  curl -H 'Host: {host}' http://{home.host}:{home.proxy}/"
        ask = f"  dig +short @{plan.host} -p {plan.nameserver} {host}"
        yield from (ask, fetch)
        for other in plan.clusters:
            if other != home:
                yield f"  {command} app move {app} --to {other.name}{of_data}"
                yield f"{fetch}   # {home.name}'s tombstone forwards"
                break
    yield f"  {command} app list{of_data}"
