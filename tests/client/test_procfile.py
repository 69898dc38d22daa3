"""What a folder tells of how its app is started."""

import pytest

from domicile.client.procfile import guess_command


@pytest.mark.parametrize(
    ("files", "guess"),
    [
        ({"app.py": ""}, ("python app.py", "app.py")),
        ({"app.py": "", "Procfile": "web: run it\n"}, ("run it", "Procfile")),
        ({"Procfile": "worker: x\nweb:run it \r\n"}, ("run it", "Procfile")),
        ({"app.py": "", "Procfile": "worker: x\n"}, ("python app.py", "app.py")),
        ({"Procfile": "web:\n"}, None),
        ({"main.py": ""}, None),
        ({}, None),
    ],
)
def test_the_procfile_goes_before_app_py(tmp_path, files, guess):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert guess_command(tmp_path) == guess
