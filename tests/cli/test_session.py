"""What every verb shows in the same way."""

from domicile.cli.session import say_step


def test_a_step_of_a_move_tells_its_generation_and_one_of_a_deployment_does_not(
    capsys,
):
    """Who has one cluster need not know the word."""
    for source in ("", "amber"):
        say_step(
            {"step": "planned", "generation": 7, "source": source, "target": "birch"}
        )
    assert capsys.readouterr().err == "planned\nplanned (generation 7)\n"
