"""Workflow commands: lines on standard output and the files that a step appends to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LINE: Final = re.compile(r"^\s*::([A-Za-z][\w-]*)(?:\s+([^:]*(?::(?!:)[^:]*)*))?::(.*)$")


@dataclass(frozen=True)
class Command:
    """One `::name key=value::message` that a runner would have obeyed."""

    name: str
    parameters: dict[str, str]
    message: str


def parse_commands(log: str) -> list[Command]:
    """The commands that a runner obeys in a log, `::stop-commands::` respected."""
    commands: list[Command] = []
    token = ""
    for line in re.split(r"\r\n|\n|\r", log):
        if token:
            token = "" if line.strip() == f"::{token}::" else token
            continue
        match = LINE.match(line)
        if not match:
            continue
        pairs = [p.partition("=") for p in (match[2] or "").split(",") if "=" in p]
        command = Command(match[1].lower(), {k.strip(): v for k, _, v in pairs}, match[3])
        commands.append(command)
        if command.name == "stop-commands":
            token = command.message
    return commands


def read_file_command(text: str) -> dict[str, str]:
    """The values of a `GITHUB_OUTPUT` or `GITHUB_ENV` file: `name=value` and heredocs."""
    values: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, _, end = line.partition("<<")
            block = []
            for inner in lines:
                if inner == end:
                    break
                block.append(inner)
            else:
                raise ValueError(f"Invalid value. Matching delimiter not found '{end}'")
            values[name] = "\n".join(block)
        elif equals > 0:
            values[line[:equals]] = line[equals + 1 :]
        else:
            raise ValueError(f"Invalid format '{line}'")
    return values
