"""Folders of each kind, deployed without a command and fetched where DNS says."""

import json
import shutil
import subprocess

import pytest
from waiting import wait_until

from domicile.demo.plan import Plan
from domicile.demo.samples import LeftOut, lay_out

SERVER = """
import http.server, os, sys
class Say(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a " + sys.argv[1].encode())
address = (os.environ["HOST"], int(os.environ["PORT"]))
http.server.ThreadingHTTPServer(address, Say).serve_forever()
"""
FLASK = """
from flask import Flask
app = Flask(__name__)
@app.get("/")
def say():
    return "a Flask app"
"""
NODE = """
require("node:http")
    .createServer((asked, answer) => answer.end("a Node app"))
    .listen(process.env.PORT, process.env.HOST);
"""
EXPRESS = """
require("express")()
    .get("/", (asked, answer) => answer.send("an Express app"))
    .listen(process.env.PORT, process.env.HOST);
"""

needs_npm = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")),
    reason="node and npm are not installed",
)


@pytest.fixture
def deploy(demo, tmp_path):
    """Write a folder and deploy it as it is; gives what is said, and the app's host."""
    deployed = []

    def deploy(name, files):
        for path, text in files.items():
            (tmp_path / path).write_text(text)
        ran = demo.ask("app", "deploy", name, str(tmp_path))
        assert ran.returncode == 0, ran.stderr
        deployed.append(name)
        return ran.stderr, json.loads(ran.stdout)["hosts"][0]

    yield deploy
    for name in deployed:
        demo.run("app", "delete", name)


@pytest.mark.parametrize(
    ("name", "files", "guessed", "page"),
    [
        (
            "proc.ada",
            {"say.py": SERVER, "Procfile": "web: python say.py 'web process'\n"},
            "the web: line of a Procfile, started by `python say.py 'web process'`",
            "a web process",
        ),
        (
            "flask.ada",
            {"app.py": FLASK, "requirements.txt": "flask\n"},
            "a Flask app in app.py, started by `python -m flask --app app run ",
            "a Flask app",
        ),
        (
            "static.bob",
            {"index.html": "a static folder"},
            "a static folder with index.html, started by `python -m http.server ",
            "a static folder",
        ),
        pytest.param(
            "node.bob",
            {"serve.js": NODE, "package.json": '{"scripts": {"start": "node serve"}}'},
            "a Node app, started by `npm start`",
            "a Node app",
            marks=needs_npm,
        ),
    ],
)
def test_a_folder_is_served_without_being_told_how(
    demo, deploy, name, files, guessed, page
):
    said, host = deploy(name, files)
    assert f"guessed: {guessed}" in said
    assert "; --command says otherwise\n" in said
    answer = demo.fetch(host)
    assert (answer.status_code, answer.text) == (200, page)


@needs_npm
def test_an_express_app_is_served_with_the_modules_of_its_folder(
    demo, deploy, tmp_path
):
    package = {"dependencies": {"express": "^4"}, "main": "main.js"}
    (tmp_path / "package.json").write_text(json.dumps(package))
    install_express(tmp_path)
    said, host = deploy("express.ada", {"main.js": EXPRESS})
    assert "guessed: an Express app, started by `node main.js`" in said
    assert demo.fetch(host).text == "an Express app"


def install_express(folder):
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        pytest.skip(f"npm gives no express: {error}")


def test_what_is_not_recognised_is_one_line_that_tells_what_to_do(demo, tmp_path):
    (tmp_path / "main.rs").write_text("fn main() {}")
    line = demo.refused("app", "deploy", "rust.ada", str(tmp_path))
    assert "a Flask app in app.py or wsgi.py" in line
    assert line.endswith("say it by --command")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Give the folder of a sample app, with what npm installs into it."""
    made = tmp_path_factory.mktemp("samples")

    def npm(command, folder):
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        return ran.stderr if ran.returncode else ""

    def folder_of(name):
        try:
            return lay_out(name, made, npm)
        except LeftOut as error:
            pytest.skip(str(error))

    return folder_of


@pytest.mark.parametrize("name", [each.name for each in Plan().apps])
def test_each_sample_app_serves_without_a_word_of_configuration(demo, samples, name):
    app = f"{name}-again.ada"
    host = demo.run("app", "deploy", app, str(samples(name)))["hosts"][0]
    wait_until(lambda: demo.resolve(host))
    assert demo.fetch(host).status_code == 200
    demo.run("app", "delete", app)
