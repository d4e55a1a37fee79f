"""`python -m app` whose supervisor takes a worker for dead that does not answer it for a second."""

from __future__ import annotations

from app import __main__ as command

command.SECONDS_TO_ANSWER = 1

if __name__ == "__main__":
    command.main()
