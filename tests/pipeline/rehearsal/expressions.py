"""GitHub's own expression evaluator, asked over a pipe."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from support.needs import node, reason

SERVICE: Final = Path(__file__).with_name("expressions.mjs")


class ExpressionError(Exception):
    """An expression that GitHub would refuse."""


class Expressions:
    """Evaluates templates and conditions in one node process, from any thread."""

    def __init__(self) -> None:
        program = node()
        if program is None:
            raise RuntimeError(reason("node"))
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [program, "--no-warnings", str(SERVICE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def close(self) -> None:
        """End the process."""
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()

    def render(
        self, value: Any, contexts: Mapping[str, Any], status: Mapping[str, bool] | None = None
    ) -> Any:
        """`value` with every `${{ … }}` in its texts replaced; other values unchanged."""
        if isinstance(value, dict):
            return {k: self.render(v, contexts, status) for k, v in value.items()}
        if isinstance(value, list):
            return [self.render(v, contexts, status) for v in value]
        if not isinstance(value, str) or "${{" not in value:
            return value
        return self._ask({"template": value, "contexts": contexts, "status": status or {}})

    def text(self, value: Any, contexts: Mapping[str, Any], status: Mapping[str, bool] | None = None) -> str:
        """`render`, as the text that GitHub puts into an environment variable."""
        result = self.render(value, contexts, status)
        if isinstance(result, bool):
            return "true" if result else "false"
        return "" if result is None else str(result)

    def condition(self, value: Any, contexts: Mapping[str, Any], status: Mapping[str, bool]) -> bool:
        """Whether an `if:` holds; without a status function it also needs `success()`."""
        if value is None:
            return bool(status["success"])
        if isinstance(value, bool):
            return value and bool(status["success"])
        return bool(self._ask({"condition": str(value), "contexts": contexts, "status": status}))

    def _ask(self, request: dict[str, Any]) -> Any:
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            reply = json.loads(self._process.stdout.readline())
        if "error" in reply:
            raise ExpressionError(f"{request.get('template', request.get('condition'))}: {reply['error']}")
        return reply["value"]
