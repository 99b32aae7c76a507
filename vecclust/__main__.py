"""`python -m vecclust`."""

from vecclust.cli.app import main

if __name__ == "__main__":
    main()
