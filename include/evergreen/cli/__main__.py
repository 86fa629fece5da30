"""`python -m evergreen.cli`, what steps run as."""

from evergreen.cli.root import main

main()
