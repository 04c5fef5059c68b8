"""A throw-away copy of this repository, in which tests run the real pipeline and count what ran."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RAN = re.compile(r"^Running stage '([^']+)'", re.MULTILINE)
CACHED = re.compile(r"^Stage '([^']+)' is cached - skipping run", re.MULTILINE)


def environment() -> dict[str, str]:
    """This environment's tools first on the path; no tracking server of the user's."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if k not in ("PYTHONPATH", "MLFLOW_TRACKING_URI", "DVC_ROOT")
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, "PATH": path, "GIT_CONFIG_GLOBAL": os.devnull, "DVC_NO_ANALYTICS": "true",
            "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org", "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@example.org"}  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """What one dvc command did."""

    stages: list[str]
    cached: list[str]
    output: str

    @staticmethod
    def of(output: str) -> Ran:
        return Ran(RAN.findall(output), CACHED.findall(output), output)

    @property
    def active(self) -> set[str]:
        """Stages that did work: an idle iteration only writes its markers."""
        parts = RAN.split(self.output)[1:]
        said = zip(parts[::2], parts[1::2], strict=True)
        return {stage for stage, text in said if " is idle (" not in text}


@dataclass(frozen=True)
class Repo:
    """A repository folder and the commands tests give in it."""

    path: Path

    def run(self, *words: str, code: int | None = 0, **extra: str) -> str:
        """stdout and stderr of a command that must end with `code`, if one is given.

        They go to a file: a pipe would stay open until the daemons end that the command leaves.
        """
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                words, cwd=self.path, env={**environment(), **extra}, check=False,
                stdout=output, stderr=subprocess.STDOUT, timeout=900,
            )  # fmt: skip
            output.seek(0)
            text = output.read().decode()
        assert code in (None, done.returncode), (
            f"{' '.join(words)}: exit {done.returncode}\n{text[-4000:]}"
        )
        return text

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """A command in a process group of its own, to be killed."""
        return subprocess.Popen(
            words, cwd=self.path, env=environment(), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def dvc(self, *words: str, code: int = 0) -> Ran:
        return Ran.of(self.run("dvc", *words, code=code))

    def restem(self, *words: str, code: int = 0) -> str:
        return self.run(sys.executable, "-m", "restem", *words, code=code, PYTHONPATH="src")

    def set(self, *overrides: str) -> None:
        self.restem("configure", *overrides)

    def commit(self, message: str = "x") -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "--allow-empty", "-m", message)

    def bytes(self, *patterns: str) -> dict[str, bytes]:
        """Content of every file that matches, by relative path."""
        files = sorted(f for pattern in patterns for f in self.path.glob(pattern) if f.is_file())
        return {str(f.relative_to(self.path)): f.read_bytes() for f in files}


OUTPUTS = ("data/problems/*", "data/iterations/*/*", "models/*/*", "metrics/iterations/*",
           "metrics/training/*", "metrics/*.csv", "metrics/*.json", "metrics/*.html")  # fmt: skip


def fresh(path: Path, *overrides: str) -> Repo:
    """A new repository with this tree's files, committed; default params changed by `overrides`."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, path / name)
    shutil.copy2(ROOT / "tests/params.yaml", path / "params.yaml")
    (path / "dvc.lock").unlink(missing_ok=True)
    repo = Repo(path)
    repo.run("git", "init", "-q", "-b", "main")
    if overrides:
        repo.set(*overrides)
    repo.commit("start")
    return repo


def copy(repo: Repo, path: Path) -> Repo:
    """The repository with its outputs, caches and unfinished work, in another place."""
    shutil.copytree(repo.path, path, symlinks=True)
    for leftover in (path / ".dvc/tmp").glob("*.lock"):
        leftover.unlink()
    return Repo(path)
