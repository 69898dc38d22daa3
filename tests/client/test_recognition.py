"""What a folder tells of how its app is started."""

import json

import pytest

from domicile.client.recognition import NotRecognised, recognise

PROGRAM = ("python app.py", "a Python program in app.py")
STATIC = (
    "python -m http.server --bind $HOST $PORT", "a static folder with index.html",
)  # fmt: skip
FLASK = "from flask import Flask\napp = Flask(__name__)\n"


def flask(module):
    command = f"python -m flask --app {module} run --host $HOST --port $PORT"
    return command, f"a Flask app in {module}.py"


def procfile(command):
    return command, "the web: line of a Procfile"


def package(**more):
    return json.dumps({"name": "x"} | more)


EXPRESS = package(dependencies={"express": "^5"})
STARTED = package(dependencies={"express": "^5"}, scripts={"start": "node x.js"})


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("files", "guess"),
    [
        ({"app.py": FLASK, "Procfile": "web: run it\n"}, procfile("run it")),
        ({"Procfile": "worker: x\nweb:run it \r\n"}, procfile("run it")),
        ({"Procfile": "\ufeffweb: run it\n"}, procfile("run it")),
        ({"app.py": "", "Procfile": "worker: x\n"}, PROGRAM),
        ({"app.py": "", "Procfile": "web:\n"}, PROGRAM),
        ({"app.py": "", "index.html": ""}, PROGRAM),
        ({"app.py": "syntax error", "index.html": ""}, PROGRAM),
        ({"index.html": "", "style.css": ""}, STATIC),
        ({"index.html": "", "package.json": package()}, STATIC),
        ({"index.html": "", "package.json": "[]"}, STATIC),
    ],
)  # fmt: skip
def test_what_was_written_for_us_goes_before_what_is_inferred(tmp_path, files, guess):
    write(tmp_path, files)
    assert recognise(tmp_path) == guess


@pytest.mark.parametrize(
    ("files", "guess"),
    [
        ({"app.py": FLASK}, flask("app")),
        ({"app.py": FLASK, "package.json": STARTED, "index.html": ""}, flask("app")),
        ({"wsgi.py": "import flask\napplication = flask.Flask('x')"}, flask("wsgi")),
        ({"app.py": "from flask import Flask\napp: Flask = Flask('x')"}, flask("app")),
        ({"app.py": "import flask\ndef create_app():\n    ..."}, flask("app")),
        ({"app.py": "import flask\ndef other():\n    app = 1"}, PROGRAM),
        ({"app.py": "import flask\napp: flask.Flask"}, PROGRAM),
        ({"app.py": "import flask_cors\napp = 1"}, PROGRAM),
        ({"app.py": "app = 1"}, PROGRAM),
        ({"app.py": "", "wsgi.py": FLASK}, flask("wsgi")),
        ({"app.py": "from shop import app"}, PROGRAM),
        ({"app.py": "from shop import app", "requirements.txt": "# ours\nFlask>=3"},
         flask("app")),
        ({"app.py": "from shop import app", "requirements.txt": "flask-cors"}, PROGRAM),
        ({"wsgi.py": "from shop import main as app",
          "pyproject.toml": "[project]\ndependencies = ['flask[async]>=3']"},
         flask("wsgi")),
    ],
)  # fmt: skip
def test_a_flask_app_is_found_by_what_its_module_binds(tmp_path, files, guess):
    write(tmp_path, files)
    assert recognise(tmp_path) == guess


def test_a_flask_app_is_read_and_not_run(tmp_path):
    ran = tmp_path / "ran"
    write(tmp_path, {"app.py": FLASK + f"open({str(ran)!r}, 'w')"})
    assert recognise(tmp_path) == flask("app")
    assert not ran.exists()


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        (STARTED, ("npm start", "an Express app")),
        (EXPRESS, ("node index.js", "an Express app")),
        (package(dependencies={"express": "5"}, main="my server.js"),
         ("node 'my server.js'", "an Express app")),
        (package(scripts={"start": "node x.js"}), ("npm start", "a Node app")),
    ],
)  # fmt: skip
def test_node_starts_what_package_json_says(tmp_path, text, guess):
    files = {"package.json": text, "node_modules/x": "", "app.py": "", "index.html": ""}
    write(tmp_path, files)
    assert recognise(tmp_path) == guess


@pytest.mark.parametrize("text", [EXPRESS, STARTED])
def test_a_node_app_without_what_it_needs_is_told_how_to_get_it(tmp_path, text):
    write(tmp_path, {"package.json": text, "index.html": ""})
    with pytest.raises(NotRecognised, match=r"run `npm install` there first"):
        recognise(tmp_path)


def test_what_is_not_recognised_names_what_was_looked_for(tmp_path):
    write(tmp_path, {"main.py": ""})
    with pytest.raises(NotRecognised) as refusal:
        recognise(tmp_path)
    said = str(refusal.value)
    for each in ("Procfile", "Flask", "express", "start script", "app.py", "index"):
        assert each in said
    assert said.endswith("say it by --command")


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("package.json", "{", r"package\.json is no JSON: .* or say by --command"),
        ("pyproject.toml", "[", r"pyproject\.toml is no TOML: .* or say by --command"),
    ],
)
def test_a_file_that_is_broken_is_named(tmp_path, file, text, says):
    write(tmp_path, {file: text})
    with pytest.raises(NotRecognised, match=says):
        recognise(tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "x" * 300])
def test_a_folder_that_is_none_is_said(tmp_path, name):
    with pytest.raises(NotRecognised, match=r"There is no such folder|File name too"):
        recognise(tmp_path / name)
