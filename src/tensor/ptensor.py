# Tangled from chapters/60-house.nw: edit that, not this.
"""gdb: `ptensor x` prints a Tensor's name, shape, first values, least, greatest
and mean value, and the same for its gradient; `ptensor x ROWS COLUMNS` does it for a
bare array, whose size nothing knows. Load it with `source src/tensor/ptensor.py`."""
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
        t = gdb.parse_and_eval(argument)
        if t.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
            t = t.dereference()
        if t.type.strip_typedefs().code != gdb.TYPE_CODE_STRUCT:
            raise gdb.GdbError(f"ptensor: {argument} is no Tensor; of a bare array say "
                               "its size: ptensor EXPR ROWS COLUMNS")
        rank = int(t["shape"]["rank"])
        sizes = [int(t["shape"]["size"][i]) for i in range(rank)]
        size = 1
        for s in sizes:
            size *= s
        print(f"{t['name'].string()} {sizes}")
        print("  " + describe("value", t["value"], size))
        print("  " + describe("grad", t["grad"], size))


PTensor()
