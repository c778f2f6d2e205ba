"""What a container can and cannot do under the options of `rexrank infer`, tested with a real engine and a shell.

    python benchmarks/container.py --engine podman --busybox /usr/bin/busybox

Needs podman or docker, and a static BusyBox (Debian: busybox-static) for the image. Exits 1 if an answer
differs.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from evaluator.core.problems import InputError
from evaluator.submissions.inference.engine import Engine, Limits
from evaluator.submissions.inference.infer import prepare, read_output

ASKED = {
    "reads the studies": ("cat /input/studies.json", True),
    "reads the images": ("cat /input/images/a.png", True),
    "writes to its scratch folder": ("echo x > /tmp/a", True),
    "writes to its root": ("touch /x", False),
    "writes to the images": ("touch /input/images/b.png", False),
    "changes an image": ("echo x >> /input/images/a.png", False),
    "changes the studies": ("echo x >> /input/studies.json", False),
    "makes a second file of output": ("touch /output/b", False),
    "renames the file of output": ("mv /output/predictions.json /output/b", False),
    "removes the file of output": ("rm -f /output/predictions.json", False),
    "makes a link in the output": ("ln -s /etc/passwd /output/l", False),
    "sees an interface beside its own": ("grep -v -e lo: -e '|' /proc/net/dev", False),
    "has a capability": ("grep -q '^CapBnd:.*[1-9a-f]' /proc/self/status", False),
    "may gain privileges": ("grep -q '^NoNewPrivs:.*0' /proc/self/status", False),
    "is root": ("test $(id -u) = 0", False),
    "mounts a file system": ("mount -t tmpfs x /tmp", False),
    "fills more than its scratch folder": ("dd if=/dev/zero of=/tmp/a bs=1M count=1100", False),
    "sees a token of ours": ("grep -q TOKEN /proc/self/environ", False),
    "starts more processes than it may": (
        "for i in $(seq 60); do sleep 2 & done; test $(ls /proc | grep -c '^[0-9]') -gt 45", False,
    ),
}  # fmt: skip
"""A shell command for each question, and whether it should succeed."""
LIMITS = Limits(seconds=120, memory_gb=2, cpus=1, pids=40, scratch_gb=1)


def image(engine: Engine, busybox: Path) -> str:
    """The id of an image with only BusyBox, whose program asks every question and writes the answers."""
    lines = [
        f'if sh -c "{words}" >/dev/null 2>&1; then echo yes; else echo no; fi' for words, _ in ASKED.values()
    ]
    program = "#!/bin/sh\n{\n" + "\n".join(lines).replace("$(", "\\$(") + "\n} > /output/predictions.json\n"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in ("bin", "input", "output", "tmp", "proc", "dev", "sys", "etc"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(folder)
        for name, data in (("bin/busybox", busybox.read_bytes()), ("model.sh", program.encode())):
            file = tarfile.TarInfo(name)
            file.size, file.mode = len(data), 0o755
            tar.addfile(file, io.BytesIO(data))
        for name in (
            "sh",
            "cat",
            "touch",
            "mv",
            "rm",
            "ln",
            "grep",
            "id",
            "mount",
            "dd",
            "seq",
            "sleep",
            "ls",
        ):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    command = [
        engine.path,
        "import",
        "--change",
        'ENTRYPOINT ["/model.sh"]',
        "-",
        "localhost/rexrank-asked:1",
    ]
    done = subprocess.run(command, input=out.getvalue(), capture_output=True, check=True)
    return done.stdout.decode().split()[-1]


def main() -> int:
    """0 if every answer is as expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("podman", "docker"), default="podman")
    parser.add_argument("--busybox", type=Path, default=Path("/bin/busybox"))
    asked = parser.parse_args()
    os.environ["GH_TOKEN"] = "TOKEN"
    engine = Engine(asked.engine)
    name = image(engine, asked.busybox)
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        images.mkdir()
        (images / "a.png").write_bytes(b"x")
        mounts = prepare(Path(folder), images, '{"studies": []}')
        try:
            engine.run(name, mounts, LIMITS, Path(folder) / "log")
        except InputError as error:
            print(error)
            print((Path(folder) / "log").read_text("utf-8", "replace"))
            return 1
        answers = read_output(mounts.output).decode().split()
    subprocess.run([engine.path, "rmi", "--force", name], capture_output=True, check=False)
    wrong = len(answers) != len(ASKED)
    for (question, (_, wanted)), answer in zip(ASKED.items(), answers, strict=False):
        good = (answer == "yes") is wanted
        wrong |= not good
        print(f"{'as it should' if good else 'WRONG':<12}  {question}: {answer}")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
