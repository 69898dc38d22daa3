import pytest

from domicile.config import BadConfiguration
from domicile.manager.settings import Settings


def test_tokens_are_read_from_files_and_never_shown(tmp_path):
    (tmp_path / "ours").write_text("secret-one\n")
    (tmp_path / "proxies").write_text("secret-two\n")
    settings = Settings(
        "amber", "data", "http://d", str(tmp_path / "ours"), str(tmp_path / "proxies")
    )
    tokens = settings.read_tokens()
    assert tokens.lets_in("Bearer secret-two")
    assert not tokens.lets_in("Bearer secret-one")
    assert not tokens.lets_in("")
    assert "secret" not in repr(tokens)


@pytest.mark.parametrize(("content", "says"), [(None, "No such file"), ("", "empty")])
def test_a_token_that_is_not_there_is_named(tmp_path, content, says):
    if content is not None:
        (tmp_path / "token").write_text(content)
    file = str(tmp_path / "token")
    settings = Settings("amber", "data", "http://d", file, file)
    with pytest.raises(BadConfiguration, match=f"{file}.*{says}"):
        settings.read_tokens()
