"""`python -m domicile`: the command, where it is not on the path."""

from domicile.cli.main import main

main()
