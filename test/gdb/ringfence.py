"""Helpers for `make debug`: rf-processes, rf-threads, rf-queue, rf-locks, rf-frame, rf-memory.

Loaded by gdb with the kernel's symbols (build/<variant>/kernel.debug.elf).
"""
import gdb


def value(expression):
    return gdb.parse_and_eval(expression)


def string(array):
    is_null = array.type.code == gdb.TYPE_CODE_PTR and not int(array)
    return "-" if is_null else array.string(errors="replace")


def each(head, type_name, member):
    """Yields the structures of an intrusive list."""
    pointer_type = gdb.lookup_type(type_name).pointer()
    offset = int(value(f"(unsigned long)&(({type_name} *)0)->{member}"))
    node = head["next"]
    while int(node) != int(head.address) and int(node):
        yield gdb.Value(int(node) - offset).cast(pointer_type)
        node = node["next"]


def atomic(field):
    return int(field)


class Command(gdb.Command):
    """Registers a function as a gdb command under its documentation."""

    def __init__(self, name, function):
        self.__doc__ = function.__doc__
        super().__init__(name, gdb.COMMAND_USER)
        self.function = function

    def invoke(self, argument, from_tty):
        self.function(argument)


def each_process():
    """All processes, by pid."""
    table = value("pid_table")
    first, last = table.type.range()
    found = [process for index in range(first, last + 1)
             for process in each(table[index]["processes"], "struct process", "pid_link")]
    return sorted(found, key=lambda process: int(process["pid"]))


def processes(_):
    """All processes: pid, state, parent, threads, name."""
    print("  PID  STATE           PARENT THREADS NAME")
    for process in each_process():
        parent = int(process["parent"]["pid"]) if int(process["parent"]) else 0
        print(f"{int(process['pid']):5}  {str(process['state']):15} {parent:6} "
              f"{int(process['thread_count']):7} {string(process['name'])}")


def threads(_):
    """Threads of all processes: id, state, saved rip and user rip."""
    frame_type = gdb.lookup_type("struct trap_frame")
    for process in each_process():
        for thread in each(process["threads"], "struct thread", "owner_link"):
            frame = gdb.Value(int(thread["stack_top"]) - frame_type.sizeof).cast(
                frame_type.pointer())
            name, state = string(thread["name"]), atomic(thread["state"])
            print(f"thread {int(thread['id'])} of {int(process['pid'])} ({name}): "
                  f"state {state}, user rip {int(frame['rip']):#x}")


def each_of_heap(node):
    """The threads in a heap of the scheduler's, the first one first, the others in no order."""
    pointer_type = gdb.lookup_type("struct thread").pointer()
    offset = int(value("(unsigned long)&((struct thread *)0)->policy.node"))
    while int(node):
        yield gdb.Value(int(node) - offset).cast(pointer_type)
        if int(node["child"]):
            yield from each_of_heap(node["child"])
        node = node["next"]


def cpus():
    """The per-CPU areas of the CPUs that run, by number."""
    for number in range(atomic(value("percpu_count"))):
        yield value("percpu_table")[number].dereference()


def waiting(run_queue):
    """The threads in a run queue, in the policy's order as far as it has one."""
    policies, chosen = run_queue["queue"], string(run_queue["queue"]["policy"]["name"])
    lists = {"rr": [("round_robin", "threads")],
             "lottery": [("lottery", "winners"), ("lottery", "threads")]}
    heaps = [policies["realtime"]["heap"]]
    heaps += {"stride": [policies["stride"]["heap"]],
              "fair": [policies["fair"]["time"]["heap"]]}.get(chosen, [])
    for heap in heaps:
        yield from each_of_heap(heap["root"])
    for owner, name in lists.get(chosen, []):
        yield from each(policies[owner][name], "struct thread", "policy.link")
    if chosen == "mlfq":
        for level in range(3):
            yield from each(policies["mlfq"]["levels"][level], "struct thread", "policy.link")


def queue(_):
    """Each CPU's run queue: who runs, and who waits."""
    for cpu in cpus():
        run_queue = cpu["run_queue"]
        print(f"CPU {int(cpu['number'])}: current: {string(cpu['current']['name'])}, waiting: "
              f"{int(run_queue['waiting']) & 0xffffffff}, "
              f"slice ends at TSC {int(run_queue['slice_end'])}")
        for thread in waiting(run_queue):
            print(f"  thread {int(thread['id'])} ({string(thread['name'])})")


def locks(_):
    """Spinlocks that each CPU holds (debug builds), innermost last."""
    for cpu in cpus():
        print(f"CPU {int(cpu['number'])}: interrupts-off depth: {int(cpu['interrupts_off_depth'])}")
        for index in range(int(cpu["held_lock_count"])):
            lock = cpu["held_locks"][index]
            print(f"  {string(lock['name'])} (rank {int(lock['rank'])})")


def frame(argument):
    """The trap frame at an address (default: the user frame of CPU 0's current thread)."""
    user_frame = "boot_percpu.current->stack_top - sizeof(struct trap_frame)"
    address = int(value(argument or user_frame))
    print(gdb.Value(address).cast(gdb.lookup_type("struct trap_frame").pointer()).dereference())


def memory(_):
    """Page frames: how many are free, and what the others are for."""
    total = int(value("frame_allocator")["total"])
    used = {use.name: sum(int(cpu["frames_used"][use.enumval]) for cpu in cpus())
            for use in gdb.lookup_type("enum frame_use").fields() if use.name != "FRAME_USE_COUNT"}
    print(f"{total} frames, {total - sum(used.values())} free")
    for name, count in used.items():
        if count:
            print(f"{count:8} {name}")


for name, function in (("rf-processes", processes), ("rf-threads", threads), ("rf-queue", queue),
                       ("rf-locks", locks), ("rf-frame", frame), ("rf-memory", memory)):
    Command(name, function)
print("Ringfence helpers: rf-processes rf-threads rf-queue rf-locks rf-frame [ADDRESS] rf-memory")
