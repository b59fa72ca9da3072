# Tangled from chapters/60-house.nw: edit that, not this.
"""gdb: `ptensor x` prints a Tensor's name, shape, first values, least, greatest
and mean value, and the same for its gradient; `ptensor x ROWS COLUMNS` does it for a
bare array, whose size nothing knows; `ppicture x` writes a tensor as a PNG; `prose`
prints the paragraph before the code. Load it with `source src/tensor/ptensor.py`."""
import math
import os
import struct
import zlib

import gdb


def describe(label, array, size):
    if int(array) == 0:
        return f"{label}: none"
    values = [float((array + i).dereference()) for i in range(min(size, 1 << 20))]
    first = " ".join(f"{v:.4g}" for v in values[:8])
    dots = " ..." if size > 8 else ""
    mean = sum(values) / len(values)
    return (f"{label}: {first}{dots}  "
            f"min {min(values):.4g} max {max(values):.4g} mean {mean:.4g}")


def tensor_of(argument):
    """The Tensor an expression names, or points at; its sizes, and their product."""
    t = gdb.parse_and_eval(argument)
    if t.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
        t = t.dereference()
    if t.type.strip_typedefs().code != gdb.TYPE_CODE_STRUCT:
        raise gdb.GdbError(f"ptensor: {argument} is no Tensor; of a bare array say "
                           "its size: ptensor EXPR ROWS COLUMNS")
    sizes = [int(t["shape"]["size"][i]) for i in range(int(t["shape"]["rank"]))]
    return t, sizes, math.prod(sizes)


class PTensor(gdb.Command):
    def __init__(self):
        super().__init__("ptensor", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if len(words) == 3 and words[1].isdigit() and words[2].isdigit():
            rows, columns = int(words[1]), int(words[2])
            values = gdb.parse_and_eval(words[0])
            print(f"{words[0]} [{rows}, {columns}]")
            print("  " + describe("value", values, rows * columns))
            return
        t, sizes, size = tensor_of(argument)
        print(f"{t['name'].string()} {sizes}")
        print("  " + describe("value", t["value"], size))
        print("  " + describe("grad", t["grad"], size))


PTensor()


class Prose(gdb.Command):
    """prose: print the paragraph before the code at which the program has stopped."""

    def __init__(self):
        super().__init__("prose", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        place = gdb.selected_frame().find_sal()
        name = place.symtab.filename if place.symtab else ""
        if not name.endswith(".nw"):
            raise gdb.GdbError("prose: expected to stand in a chapter, found "
                               f"{name or 'no source'}: use a program of build/debug")
        with open(place.symtab.fullname(), encoding="utf-8") as chapter:
            lines = chapter.read().split("\n")[:place.line]
        start = max(i for i, line in enumerate(lines) if line.endswith(">>="))
        text = []
        for line in reversed(lines[:start]):
            if line.startswith("@") or (text and line.startswith("\\section")):
                break
            text.insert(0, line)
        print("\n".join(text).strip() or "(no prose: the piece above goes on)")


Prose()


def png(path, rows, channels):
    """Write rows of bytes as a PNG, grey or RGB, with what Python brings along."""
    def part(kind, data):
        body = kind + data
        return (struct.pack(">I", len(data)) + body +
                struct.pack(">I", zlib.crc32(body)))
    width = len(rows[0]) // channels
    head = struct.pack(">IIBBBBB", width, len(rows), 8, 2 if channels == 3 else 0,
                       0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", data) +
                   part(b"IEND", b""))


class PPicture(gdb.Command):
    """ppicture X [NUMBER [PLANE]]: write tensor X as a PNG: of a batch picture NUMBER;
    of more than three planes PLANE, both from 0."""

    written = 0

    def __init__(self):
        super().__init__("ppicture", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument) + ["0", "0"]
        t, sizes, total = tensor_of(words[0])
        if len(sizes) < 2:
            raise gdb.GdbError(f"ppicture: expected rows and columns, found {sizes}")
        height, width = sizes[-2:]
        planes = sizes[-3] if len(sizes) > 2 else 1
        shown = planes if len(sizes) == 4 and planes in (1, 3) else 1
        first = int(words[1]) * (planes if len(sizes) == 4 else 1) * height * width
        first += int(words[2]) * height * width if len(sizes) == 4 and shown == 1 else 0
        size = shown * height * width
        if first < 0 or first + size > total:
            raise gdb.GdbError(f"ppicture: expected a picture within {sizes}, found "
                               f"{words[1]}, plane {words[2]}")
        values = [float((t["value"] + first + i).dereference()) for i in range(size)]
        low, high = min(values), max(values)
        zoom = max(1, 128 // max(height, width))
        rows = [[int(255 * (values[(c * height + y) * width + x] - low) /
                     ((high - low) or 1))
                 for x in range(width) for _ in range(zoom) for c in range(shown)]
                for y in range(height) for _ in range(zoom)]
        os.makedirs("build/pictures", exist_ok=True)
        PPicture.written += 1
        path = f"build/pictures/{PPicture.written}.png"
        png(path, rows, shown)
        print(f"wrote {path}: {t['name'].string()} {height} x {width}, "
              f"{low:.4g} black, {high:.4g} white")


PPicture()
