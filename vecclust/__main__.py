"""`python -m vecclust`."""

from vecclust.cli import main

if __name__ == "__main__":
    main()
