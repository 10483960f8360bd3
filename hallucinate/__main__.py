"""``python -m hallucinate`` is ``hallucinate``."""

from hallucinate.cli import main

if __name__ == "__main__":
    main()
