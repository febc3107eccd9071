"""Makes a ROMFS image of files, from which MicroPython runs compiled code in place: bytecode, names and constant
strings are not copied into the heap (extmod/vfs_rom.c and py/persistentcode.c of MicroPython 1.25, MICROPY_VFS_ROM).

mpremote's own `VfsRomWriter` writes the format, so it is MicroPython's.
"""

from __future__ import annotations

from collections.abc import Mapping

from mpremote.romfs import VfsRomWriter

_Folder = dict[str, "bytes | _Folder"]


def image(files: Mapping[str, bytes]) -> bytes:
    """The image with `files` (content by absolute path), in ascending order of their names: the same files give the
    same bytes. MicroPython mounts it at /rom. Raises ValueError if a file's path goes through another file.
    """
    root: _Folder = {}
    for path, data in files.items():
        *folders, name = path.strip("/").split("/")
        here = root
        for folder in folders:
            there = here.setdefault(folder, {})
            if not isinstance(there, dict):
                raise ValueError(f"{path} is below a file")
            here = there
        here[name] = data
    writer = VfsRomWriter()
    _write(writer, root)
    made: bytes = bytes(writer.finalise())
    return made


def _write(writer: VfsRomWriter, folder: _Folder) -> None:
    for name, content in sorted(folder.items()):
        if isinstance(content, dict):
            writer.opendir(name)
            _write(writer, content)
            writer.closedir()
        else:
            writer.mkfile(name, content)
