"""Runs the command line in this process, as a user and as a script meet it: exit code, output, messages."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from latticework.cli import app


def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def finding(*arguments: str, stdin: str = "") -> dict:
    """What `check --json` tells about a text that does not match."""
    code, out, _ = run("check", "--json", *arguments, stdin=stdin)
    assert code == 1
    return json.loads(out)
