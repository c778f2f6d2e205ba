"""`import rexrank` is `import evaluator`: one package under the name that people look for.

Every `rexrank.x` is the module `evaluator.x` itself, not a copy of it, so that a class has one identity.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import evaluator


class _Alias(MetaPathFinder, Loader):
    """Finds `rexrank.x` as `evaluator.x`."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec for names below `rexrank`, `None` for all others."""
        return ModuleSpec(fullname, self) if fullname.startswith("rexrank.") else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module of the same name below `evaluator`; raises `ModuleNotFoundError` if there is none."""
        module = import_module(f"evaluator{spec.name.removeprefix('rexrank')}")
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Does not run the module again; restores its own spec, which the import has overwritten."""
        module.__spec__ = self._spec


sys.meta_path.insert(0, _Alias())
sys.modules[__name__] = evaluator
