"""Composes QEMU's command line. Nothing else in the repository names a QEMU option."""

import os
from dataclasses import dataclass, field

QEMU = os.environ.get("QEMU", "qemu-system-x86_64")
FIRMWARE_FOLDER = os.environ.get("OVMF", "/usr/share/OVMF")
FIRMWARE_CODE = os.path.join(FIRMWARE_FOLDER, "OVMF_CODE_4M.fd")
FIRMWARE_VARIABLES = os.path.join(FIRMWARE_FOLDER, "OVMF_VARS_4M.fd")

# What the boot disk is connected as. "disk" is the quick way of the tests, a plain disk image; all
# others carry the hybrid image that people write to sticks and CDs.
MEDIA = {
    "disk": ["virtio-blk-pci,drive=boot,bootindex=0"],
    "virtio": ["virtio-blk-pci,drive=boot,bootindex=0"],
    "usb": ["qemu-xhci,id=boot-usb",
            "usb-storage,bus=boot-usb.0,removable=on,drive=boot,bootindex=0"],
    "ata": ["ide-hd,drive=boot,bootindex=0"],  # AHCI on q35, IDE on pc
    "nvme": ["nvme,serial=boot,drive=boot,bootindex=0"],
    "cd": ["ide-cd,drive=boot,bootindex=0"],
    "scsi-cd": ["virtio-scsi-pci,id=boot-scsi", "scsi-cd,bus=boot-scsi.0,drive=boot,bootindex=0"],
}

DEFAULT_CPU = "max"
# `rep` strings count one instruction per iteration, so a measured CPU does not advertise them.
ICOUNT_CPU = "max,-erms"
# For the kernel, when an instruction is a nanosecond: what would be left to chance, or to how long
# the firmware took.
EXACT_WORDS = ["nokaslr", "seed=1", "clock_hz=1000000000"]


@dataclass
class DirectBoot:
    """Instead of a boot disk: another kernel, an EFI program that QEMU hands to the firmware."""

    kernel: str
    initramfs: str
    cmdline: str

    def arguments(self):
        return ["-kernel", self.kernel, "-initrd", self.initramfs, "-append", self.cmdline]


@dataclass
class Machine:
    """What a run can choose; the knobs of `make` one to one."""

    smp: str = "1"  # -smp syntax
    mem: str = "256M"
    cpu: str = ""  # "" is the default of the mode
    machine: str = "q35"
    icount: bool = False
    exact: bool = True  # with icount: EXACT_WORDS; False: the kernel measures its clocks itself
    # A host thread for each CPU: truly at once, if the host has the processors. With fewer, who
    # waits for a lock keeps its holder from running, and one thread that takes turns does far more.
    tcg: str = ""  # "multi", "single"; "": multi for several CPUs
    medium: str = "disk"  # of MEDIA
    vga: str = "std"  # QEMU's -vga; none: no framebuffer
    serial: bool = True  # False: no COM1, so no log
    screen: bool = False
    reboot: bool = False  # a reset starts again instead of ending the run
    hold: bool = False  # a power-off stops the machine but leaves QEMU and the screen
    plugin: str = ""  # QEMU's -plugin: a library that counts what runs
    extra: list = field(default_factory=list)  # further QEMU arguments, for tests of odd hardware

    @property
    def hybrid_image(self):
        return self.medium != "disk"

    @property
    def cpu_count(self):
        words = dict(word.split("=", 1) for word in str(self.smp).split(",") if "=" in word)
        count = words.get("cpus", str(self.smp).split(",", maxsplit=1)[0])
        if not count.isdecimal():
            raise ValueError(f"SMP={self.smp}: not a number of processors")
        return int(count)

    def arguments(self, boot, variables):
        """Everything but the channels. `boot` is a disk image's path or a DirectBoot, `variables`
        this run's copy of the firmware's store."""
        threads = self.tcg or ("multi" if self.cpu_count > 1 else "single")
        if self.icount:
            threads = "single"
        cpu = self.cpu or (ICOUNT_CPU if self.icount else DEFAULT_CPU)
        arguments = [QEMU, "-nodefaults", "-no-user-config"]
        arguments += ["-machine", self.machine, "-accel", f"tcg,thread={threads}"]
        arguments += ["-cpu", cpu, "-smp", str(self.smp), "-m", self.mem, "-vga", self.vga]
        arguments += pflash(0, FIRMWARE_CODE, "readonly=on") + pflash(1, variables, "readonly=off")
        direct = isinstance(boot, DirectBoot)
        arguments += boot.arguments() if direct else boot_drive(self.medium, boot)
        if self.icount:
            arguments += ["-icount", "shift=0,sleep=off", "-seed", "1"]
            arguments += ["-rtc", "base=2026-01-01,clock=vm"]
        if self.plugin:
            arguments += ["-plugin", self.plugin]
        if not self.screen:
            arguments += ["-display", "none"]
        if not self.reboot:
            arguments += ["-no-reboot"]
        if self.hold:
            arguments += ["-no-shutdown"]
        return arguments + self.extra


def boot_drive(medium, image):
    rights = ",media=cdrom,readonly=on" if medium.endswith("cd") else ""
    arguments = ["-drive", f"if=none,id=boot,format=raw,file={escape(image)}{rights}"]
    for device in MEDIA[medium]:
        arguments += ["-device", device]
    return arguments


def pflash(unit, path, rights):
    return ["-drive", f"if=pflash,unit={unit},format=raw,{rights},file={escape(path)}"]


def console_channel(descriptor, connected=True):
    """COM1 on a connected socket, COM2 to nowhere (the firmware writes escapes there).

    Not connected: no such ports; the socket then only tells when QEMU ends.
    """
    ports = ["-serial", "chardev:log", "-serial", "null"] if connected else ["-serial", "none"]
    return socket_channel("log", descriptor) + ports


def console_terminal(log_file):
    """COM1 on the terminal, with QEMU's monitor behind Ctrl-A C."""
    option = f"stdio,id=log,mux=on,signal=off,logfile={escape(log_file)}"
    return ["-chardev", option, "-serial", "chardev:log", "-mon", "chardev=log", "-serial", "null"]


def console_file(log_file):
    option = f"file,id=log,path={escape(log_file)}"
    return ["-chardev", option, "-serial", "chardev:log", "-serial", "null"]


def exec_channel(descriptor):
    """COM3, where exec's frames travel."""
    device = "isa-serial,chardev=exec,iobase=0x3e8,irq=4,index=2"
    return socket_channel("exec", descriptor) + ["-device", device]


def monitor_channel(descriptor):
    return socket_channel("control", descriptor) + ["-mon", "chardev=control,mode=control"]


def gdb_channel(path):
    """Halted before the first instruction, waiting for gdb on a socket."""
    option = f"socket,id=gdb,path={escape(path)},server=on,wait=off"
    return ["-S", "-chardev", option, "-gdb", "chardev:gdb"]


def incoming(state):
    """Goes on from a saved machine."""
    return ["-incoming", f"exec:cat {state}"]


def socket_channel(name, descriptor):
    return ["-chardev", f"socket,id={name},fd={descriptor}"]


def escape(path):
    return str(path).replace(",", ",,")
