"""``python -m hallucinate`` is ``hallucinate``."""

import sys


def main() -> None:
    """Run the command line; stopped while it is still being imported, too, it ends without a traceback."""
    try:
        from hallucinate import cli
    except KeyboardInterrupt:
        sys.exit(130)
    cli.main()


if __name__ == "__main__":
    main()
