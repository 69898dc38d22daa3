"""The proxies side by side: how each is told to pass requests on, on one core."""

import sys
from functools import partial
from pathlib import Path

from domicile.bench.machine import find
from domicile.bench.processes import Command
from domicile.bench.records import CLUSTER
from domicile.bench.serving import Server
from domicile.runtime.ports import free_port


def servers(upstream: int) -> list[Server]:
    """Give all, each passing on to this port."""
    return [
        Server("domicile", "", partial(_domicile, upstream)),
        Server("nginx", "nginx-light", partial(_nginx, upstream)),
        Server("haproxy", "haproxy", partial(_haproxy, upstream)),
    ]


def _domicile(upstream: int, folder: Path, port: int) -> Command | None:
    (folder / "token").write_text("none\n")
    config = folder / "proxy.toml"
    link = free_port([port, upstream])
    config.write_text(
        f'name = "bench"\ncluster = "{CLUSTER}"\nmanager = "http://127.0.0.1:1"\n'
        f'token_file = "{folder}/token"\ndata = "{folder}"\nworkers = 1\n'
        f'listen = ["127.0.0.1:{port}"]\nlink = "127.0.0.1:{link}"\n'
    )
    command = [sys.executable, "-P", "-m", "domicile", "proxy"]
    return [*command, "--config", str(config)]


def _nginx(upstream: int, folder: Path, port: int) -> Command | None:
    if (program := find("nginx")) is None:
        return None
    config = folder / "nginx.conf"
    config.write_text(
        f"worker_processes 1; daemon off; pid {folder}/pid; error_log stderr crit;\n"
        f"events {{ worker_connections 4096; }}\n"
        f"http {{ access_log off; keepalive_requests 100000000;\n"
        f"  client_body_temp_path {folder}; proxy_temp_path {folder};\n"
        f"  fastcgi_temp_path {folder}; uwsgi_temp_path {folder};\n"
        f"  scgi_temp_path {folder};\n"
        f"  upstream app {{ server 127.0.0.1:{upstream}; keepalive 256;\n"
        f"    keepalive_requests 100000000; }}\n"
        f"  server {{ listen 127.0.0.1:{port}; location / {{\n"
        f"    proxy_pass http://app; proxy_http_version 1.1;\n"
        f'    proxy_set_header Connection ""; proxy_set_header Host $host;\n'
        f"    proxy_set_header X-Forwarded-For $remote_addr;\n"
        f"    proxy_set_header X-Forwarded-Host $host;\n"
        f"    proxy_set_header X-Forwarded-Proto $scheme;\n"
        f"    proxy_set_header X-Real-IP $remote_addr; }} }} }}\n"
    )
    return [program, "-p", str(folder), "-c", str(config)]


def _haproxy(upstream: int, folder: Path, port: int) -> Command | None:
    if (program := find("haproxy")) is None:
        return None
    config = folder / "haproxy.cfg"
    config.write_text(
        f"global\n  nbthread 1\n  maxconn 4096\n"
        f"defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n"
        f"  timeout server 60s\n  option http-keep-alive\n  http-reuse always\n"
        f"frontend public\n  bind 127.0.0.1:{port}\n  default_backend app\n"
        f"backend app\n  option forwardfor\n"
        f"  http-request set-header X-Forwarded-Host %[req.hdr(host)]\n"
        f"  http-request set-header X-Forwarded-Proto http\n"
        f"  http-request set-header X-Real-IP %[src]\n"
        f"  server upstream 127.0.0.1:{upstream}\n"
    )
    return [program, "-db", "-f", str(config)]
